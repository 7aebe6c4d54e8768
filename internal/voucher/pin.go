package voucher

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/paywatt/paywatt/sts"
)

const (
	pinContext = "voucher-pin"
	pinValues  = 1_000_000_000_000_000 // 10^15
	pinBits    = 1<<50 - 1             // the smallest mask that covers pinValues
)

// newPIN draws a PIN. Every PIN is equally likely. Its last digit is the check digit of meter numbers (ISO/IEC 7812-1).
func newPIN(r io.Reader) (string, error) {
	for {
		var b [8]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return "", fmt.Errorf("draw a voucher's PIN: %w", err)
		}
		if n := binary.BigEndian.Uint64(b[:]) & pinBits; n < pinValues {
			digits := fmt.Sprintf("%015d", n)
			check, err := sts.Luhn(digits)
			return digits + string(check), err
		}
	}
}
