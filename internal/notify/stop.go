package notify

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A STOP whose sender is forged must not end a customer's warnings. So the server answers STOP with a code, which only the telephone's holder
// reads, and STOP with this code ends the warnings. The quota of STOP bounds how many codes a forger can guess in a day.
const (
	stopValid  = 12 * time.Hour // a code is valid for at least this time, and at most twice as long
	stopDigits = 6
)

// stopContext names the use of the hash that makes codes.
const stopContext = "paywatt stop code"

// stopCode returns the code with which a telephone ends its warnings. It follows from the number and the time, so no row stores it.
func (d *Dispatcher) stopCode(phone string, now time.Time) string {
	text := fmt.Appendf(nil, "%s %d", phone, now.Unix()/int64(stopValid.Seconds()))
	hash := d.c.Hasher.Hash(stopContext, text)
	return fmt.Sprintf("%0*d", stopDigits, binary.BigEndian.Uint64(hash)%1_000_000)
}

// confirms reports whether the digits after STOP are the telephone's code.
func (d *Dispatcher) confirms(phone, digits string, now time.Time) bool {
	return digits != "" && (digits == d.stopCode(phone, now) || digits == d.stopCode(phone, now.Add(-stopValid)))
}
