package voucher

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/paywatt/paywatt/sts"
)

// PINDigits is the length of a PIN: 15 random digits and a check digit.
const PINDigits = 16

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

// ReadPIN reads a PIN as people write it, with blanks and dashes. It returns false for a PIN that cannot exist: a mistyped one.
func ReadPIN(text string) (string, bool) {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, text)
	if len(digits) != PINDigits || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	check, err := sts.Luhn(digits[:PINDigits-1])
	return digits, err == nil && check == digits[PINDigits-1]
}

// grouped writes a PIN in groups of four digits, as it is printed.
func grouped(pin string) string { return pin[:4] + " " + pin[4:8] + " " + pin[8:12] + " " + pin[12:] }
