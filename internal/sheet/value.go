package sheet

import (
	"strings"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Digits reads a number that is a name: of a meter, a supply group, a telephone. Spreadsheets take such a number for a quantity, so they drop
// zeros in front, add ".0" behind, and write long ones as 1.2E+12, which loses digits. Digits undoes what can be undone, except the zeros:
// only the caller knows how long the number was.
func Digits(cell string) (string, refusal.Refusal) {
	s := strings.TrimPrefix(cell, "'") // keeps a text from being read as a number
	if s = strings.TrimSuffix(strings.TrimPrefix(s, `="`), `"`); rounded(s) {
		return "", refuse.SheetDigitsLost(refusal.Echo(cell))
	}
	for _, end := range []string{".0", ",0", ".00", ",00"} {
		if whole, ok := strings.CutSuffix(s, end); ok && whole != "" && strings.Trim(whole, "0123456789") == "" {
			return whole, refusal.Refusal{}
		}
	}
	return s, refusal.Refusal{}
}

// rounded reports whether a number is written with an exponent.
func rounded(s string) bool {
	mantissa, exponent, ok := strings.Cut(strings.ToUpper(s), "E")
	return ok && mantissa != "" && strings.Trim(mantissa, "0123456789.,") == "" && exponent != "" && strings.Trim(exponent, "+-0123456789") == ""
}
