package sts

import (
	"fmt"
	"log/slog"
	"math/bits"
)

// TokenDigits is the length of a token in decimal digits, as IEC 62055-41 prints it.
const TokenDigits = 20

const (
	tenDigits  = 10_000_000_000 // a token prints as two numbers of ten digits
	classShift = 27             // the class replaces bits 28 and 27 of the cipher block, which move to 65 and 64
	classMask  = 3 << classShift
)

// Token is a token of 66 bits, written as 20 digits (CTSA01). It is worth money until a meter has accepted it, so
// formatting, encoding or logging it shows only the first and the last four digits; only the functions named Reveal
// expose the rest. It is a plain, comparable value without pointers.
type Token struct {
	hi uint8  // bits 65 and 64
	lo uint64 // bits 63..0, the class in 28 and 27
}

// ParseToken reads 20 digits and ignores blanks, tabs and dashes between them. The result is [Accept], or [FormatError]
// for text that cannot be a token of IEC 62055-41: another number of digits, another character, or a number of more
// than 66 bits.
func ParseToken(s string) (Token, Result) {
	var d [TokenDigits]byte
	n := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ' ' || c == '-' || c == '\t':
			continue
		case c < '0' || c > '9' || n == TokenDigits:
			return Token{}, FormatError
		}
		d[n] = c
		n++
	}
	if n != TokenDigits {
		return Token{}, FormatError
	}
	t, ok := fromDigits(&d)
	if !ok {
		return Token{}, FormatError
	}
	return t, Accept
}

// fromDigits reads 20 digits. It returns false for a number of more than 66 bits.
func fromDigits(d *[TokenDigits]byte) (Token, bool) {
	var high, low uint64
	for i := range TokenDigits / 2 {
		high = high*10 + uint64(d[i]-'0')
		low = low*10 + uint64(d[TokenDigits/2+i]-'0')
	}
	hi, lo := bits.Mul64(high, tenDigits)
	lo, carry := bits.Add64(lo, low, 0)
	if hi += carry; hi > 3 {
		return Token{}, false
	}
	return Token{hi: uint8(hi), lo: lo}, true
}

// newToken inserts a class into a cipher block.
func newToken(class uint8, cipher uint64) Token {
	return Token{hi: uint8(cipher >> classShift & 3), lo: cipher&^classMask | uint64(class)<<classShift}
}

// Class returns the token's class, the only field that can be read without a key: 0 credit, 1 test and display, 2
// management, 3 reserved.
func (t Token) Class() uint8 { return uint8(t.lo >> classShift & 3) }

// cipher returns the cipher block without the class.
func (t Token) cipher() uint64 {
	return t.lo&^classMask | uint64(t.hi)<<classShift
}

// Reveal returns the 20 digits.
func (t Token) Reveal() string {
	var d [TokenDigits]byte
	t.digits(&d)
	return string(d[:])
}

// RevealGrouped returns the 20 digits in groups of four, as they are printed.
func (t Token) RevealGrouped() string {
	var d [TokenDigits]byte
	t.digits(&d)
	return string(d[0:4]) + " " + string(d[4:8]) + " " + string(d[8:12]) + " " + string(d[12:16]) + " " + string(d[16:20])
}

// AppendReveal appends the 20 digits to b, for callers that must not allocate.
func (t Token) AppendReveal(b []byte) []byte {
	var d [TokenDigits]byte
	t.digits(&d)
	return append(b, d[:]...)
}

func (t Token) digits(d *[TokenDigits]byte) {
	high, low := bits.Div64(uint64(t.hi), t.lo, tenDigits)
	for i := TokenDigits/2 - 1; i >= 0; i-- {
		d[i] = byte('0' + high%10)
		high /= 10
		d[TokenDigits/2+i] = byte('0' + low%10)
		low /= 10
	}
}

// mask keeps the first and the last group: enough to find a token in a list, too little to use it.
func (t Token) mask() string {
	var d [TokenDigits]byte
	t.digits(&d)
	return string(d[:4]) + " **** **** **** " + string(d[16:])
}

// String returns the masked digits, "1234 **** **** **** 5678".
func (t Token) String() string { return t.mask() }

// GoString returns the masked digits.
func (t Token) GoString() string { return "sts.Token(" + t.mask() + ")" }

// Format writes the masked digits, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { writeMask(f, t.mask()) }

// MarshalText returns the masked digits.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.mask()), nil }

// MarshalJSON returns the masked digits.
func (t Token) MarshalJSON() ([]byte, error) { return []byte(`"` + t.mask() + `"`), nil }

// LogValue returns the masked digits.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.mask()) }
