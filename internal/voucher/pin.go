package voucher

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// PINDigits is the length of a PIN: 15 random digits and a check digit.
const PINDigits = 16

const (
	pinContext = "voucher-pin"
	pinValues  = 1_000_000_000_000_000 // 10^15
	pinBits    = 1<<50 - 1             // the smallest mask that covers pinValues
)

// newPIN draws a PIN. Every PIN is equally likely.
func newPIN(r io.Reader) (string, error) {
	for {
		var b [8]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return "", fmt.Errorf("draw a voucher's PIN: %w", err)
		}
		if n := binary.BigEndian.Uint64(b[:]) & pinBits; n < pinValues {
			digits := fmt.Sprintf("%015d", n)
			return digits + string(rune('0'+check(digits))), nil
		}
	}
}

// check returns the check digit after digits (ISO/IEC 7812-1, also called Luhn). It finds every wrong digit and most swapped neighbours.
func check(digits string) int {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return (10 - sum%10) % 10
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
	return digits, check(digits[:PINDigits-1]) == int(digits[PINDigits-1]-'0')
}

// grouped writes a PIN in groups of four digits, as it is printed.
func grouped(pin string) string { return pin[:4] + " " + pin[4:8] + " " + pin[8:12] + " " + pin[12:] }

// hashes returns the keyed hashes under which a PIN may be stored: under the data key in use, and then under those before it.
func hashes(h Hasher, pin string) [][]byte {
	if rotated, ok := h.(interface {
		Hashes(context string, data []byte) [][]byte
	}); ok {
		return rotated.Hashes(pinContext, []byte(pin))
	}
	return [][]byte{h.Hash(pinContext, []byte(pin))}
}

// Hasher makes keyed hashes.
type Hasher interface {
	Hash(context string, data []byte) []byte
}
