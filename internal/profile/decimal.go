package profile

import (
	"errors"
	"fmt"
	"strings"
)

// scale is how many decimal places a Decimal has: enough for the volts per count of a 24-bit converter.
const scale = 9

// unitsPerOne is 10^scale.
const unitsPerOne = 1_000_000_000

// largest is the greatest decimal: nine thousand million, more than any device's register can show.
const largest = 9_000_000_000 * unitsPerOne

// maxDecimal is the longest text of a decimal: sign, ten digits, point, and the decimal places that a device may print.
const maxDecimal = 40

// Decimal is an exact decimal number, in billionths. Energy and money are never computed in floating point.
type Decimal int64

// errDecimal is wrapped by every error about the form of a number.
var errDecimal = errors.New("is not a decimal number")

// ParseDecimal parses digits with at most one point and an optional sign, as devices print measured values. A comma in
// place of the point is an error. Decimal places after the ninth are cut off, so the number is rounded towards zero. The
// number may have an exponent as in JSON, up to ±9.
func ParseDecimal(text string) (Decimal, error) {
	if len(text) > maxDecimal {
		return 0, fmt.Errorf("%.20q… %w", text, errDecimal)
	}
	body, exp, ok := exponent(text)
	negative := strings.HasPrefix(body, "-")
	body = strings.TrimPrefix(body, "-")
	whole, frac, _ := strings.Cut(body, ".")
	if !ok || whole == "" && frac == "" {
		return 0, fmt.Errorf("%q %w", text, errDecimal)
	}
	digits := whole + frac
	places := len(frac) - exp // number of digits after the point
	var v int64
	for i := range len(digits) + max(0, scale-places) {
		c := byte('0') // the place after the last digit is 0, up to the ninth place
		if i < len(digits) {
			c = digits[i]
		}
		switch {
		case c < '0' || c > '9':
			return 0, fmt.Errorf("%q %w", text, errDecimal)
		case i < len(digits) && len(digits)-i <= places-scale:
			continue // skips digits beyond the ninth place
		case v > largest/10:
			return 0, fmt.Errorf("%q is too large", text)
		}
		v = v*10 + int64(c-'0')
	}
	if negative {
		v = -v
	}
	return Decimal(v), nil
}

// exponent splits off the exponent of a JSON number.
func exponent(text string) (body string, exp int, ok bool) {
	i := strings.IndexAny(text, "eE")
	if i < 0 {
		return text, 0, true
	}
	sign, digits := 1, text[i+1:]
	switch {
	case strings.HasPrefix(digits, "-"):
		sign, digits = -1, digits[1:]
	case strings.HasPrefix(digits, "+"):
		digits = digits[1:]
	}
	if len(digits) != 1 || digits[0] < '0' || digits[0] > '9' {
		return text, 0, false
	}
	return text[:i], sign * int(digits[0]-'0'), true
}

// Milli returns the number in thousandths, rounded towards zero: W become mW, and Wh become mWh.
func (d Decimal) Milli() int64 { return int64(d) / (unitsPerOne / 1000) }

// String returns the number without trailing zeros.
func (d Decimal) String() string {
	sign, v := "", int64(d)
	if v < 0 {
		sign, v = "-", -v
	}
	s := fmt.Sprintf("%s%d.%09d", sign, v/unitsPerOne, v%unitsPerOne)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// UnmarshalText parses a decimal from a profile, where it stands in quotes.
func (d *Decimal) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDecimal(string(text))
	return err
}

// MarshalText formats the decimal for a profile.
func (d Decimal) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
