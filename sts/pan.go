package sts

import (
	"errors"
	"fmt"
)

var (
	// ErrLuhn reports a meter number with a wrong check digit (CTSA17): most likely one mistyped or swapped digit.
	ErrLuhn = errors.New("check digit does not fit")
	// ErrNumber reports a meter number or PAN with a wrong length, with characters other than digits, or with an
	// unknown issuer.
	ErrNumber = errors.New("not a meter number")
)

const (
	panDigits    = 18
	iinShort     = "600727" // issuer of meters with an 11-digit number
	iinLong      = "0000"   // issuer of meters with a 13-digit number
	shortNumber  = 11
	longNumber   = 13
	iinShortSize = len(iinShort)
	iinLongSize  = len(iinLong)
)

// PAN is a meter's primary account number: issuer (IIN), meter number (DRN) and a check digit, 18 digits with leading
// zeros (CTSA01 with 11-digit numbers, CTSA11 with 13). The key of the meter is derived from it. Make one with
// [ParseNumber] or [ParsePAN]; the zero PAN belongs to no meter. PANs are comparable.
type PAN struct {
	digits [panDigits]byte // ASCII
}

// ParseNumber returns the PAN of the meter whose 11- or 13-digit number (DRN) is printed on it: issuer 600727 or 0000,
// the number, check digit. The text may hold blanks. A number whose own check digit is wrong is refused (CTSA17). The
// errors are [ErrNumber] and [ErrLuhn].
func ParseNumber(drn string) (PAN, error) {
	var p PAN
	n := strip(p.digits[:], drn)
	switch n {
	case shortNumber:
		copy(p.digits[iinShortSize:], p.digits[:n])
		copy(p.digits[:], iinShort)
	case longNumber:
		copy(p.digits[iinLongSize:], p.digits[:n])
		copy(p.digits[:], iinLong)
	default:
		return PAN{}, fmt.Errorf("sts: meter number %q: not 11 or 13 digits: %w", drn, ErrNumber)
	}
	if !luhnHolds(p.digits[:panDigits-1], n) {
		return PAN{}, fmt.Errorf("sts: meter number %q: %w", drn, ErrLuhn)
	}
	p.digits[panDigits-1] = luhn(p.digits[:panDigits-1])
	return p, nil
}

// ParsePAN reads the 18 digits of a PAN and verifies the check digit of the meter number and the check digit of the
// PAN (CTSA17). The errors are [ErrNumber] and [ErrLuhn].
func ParsePAN(s string) (PAN, error) {
	var p PAN
	if strip(p.digits[:], s) != panDigits {
		return PAN{}, fmt.Errorf("sts: PAN %q: not 18 digits: %w", s, ErrNumber)
	}
	if string(p.digits[:iinShortSize]) != iinShort && string(p.digits[:iinLongSize]) != iinLong {
		return PAN{}, fmt.Errorf("sts: PAN %q: unknown issuer: %w", s, ErrNumber)
	}
	body := p.digits[:panDigits-1]
	if !luhnHolds(body, p.numberSize()) || p.digits[panDigits-1] != luhn(body) {
		return PAN{}, fmt.Errorf("sts: PAN %q: %w", s, ErrLuhn)
	}
	return p, nil
}

// Luhn returns the check digit, '0' to '9', for decimal digits by the formula of ISO/IEC 7812-1. The error is
// [ErrNumber].
func Luhn(body string) (byte, error) {
	if body == "" {
		return 0, fmt.Errorf("sts: check digit of nothing: %w", ErrNumber)
	}
	for i := range len(body) {
		if body[i] < '0' || body[i] > '9' {
			return 0, fmt.Errorf("sts: check digit of %q: not digits: %w", body, ErrNumber)
		}
	}
	return luhn([]byte(body)), nil
}

// String returns the 18 digits; "" for the zero PAN.
func (p PAN) String() string {
	if p == (PAN{}) {
		return ""
	}
	return string(p.digits[:])
}

// Number returns the meter number (DRN), 11 or 13 digits; "" for the zero PAN.
func (p PAN) Number() string {
	if p == (PAN{}) {
		return ""
	}
	return string(p.digits[panDigits-1-p.numberSize() : panDigits-1])
}

// Issuer returns the issuer identification number (IIN), "600727" or "0000"; "" for the zero PAN.
func (p PAN) Issuer() string {
	if p == (PAN{}) {
		return ""
	}
	return string(p.digits[:panDigits-1-p.numberSize()])
}

func (p PAN) numberSize() int {
	if string(p.digits[:iinLongSize]) == iinLong {
		return longNumber
	}
	return shortNumber
}

// MarshalText returns the 18 digits; an empty text for the zero PAN.
func (p PAN) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is [ParsePAN]; an empty text gives the zero PAN. The errors are those of [ParsePAN].
func (p *PAN) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = PAN{}
		return nil
	}
	q, err := ParsePAN(string(text))
	if err != nil {
		return err
	}
	*p = q
	return nil
}

// strip copies the digits of s, without blanks, and returns their number. It returns -1 if s holds other characters
// or too many digits.
func strip(to []byte, s string) int {
	n := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ' ':
			continue
		case c < '0' || c > '9' || n == len(to):
			return -1
		}
		to[n] = c
		n++
	}
	return n
}

// luhnHolds reports whether the number in the last n digits of body ends with its correct check digit.
func luhnHolds(body []byte, n int) bool {
	number := body[len(body)-n:]
	return luhn(number[:n-1]) == number[n-1]
}

// luhn doubles every second digit from the right, the last one included.
func luhn(body []byte) byte {
	sum := 0
	for i, c := range body {
		d := int(c - '0')
		if (len(body)-i)%2 == 1 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}
