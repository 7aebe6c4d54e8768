package sheet

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

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
	if whole := strings.ReplaceAll(s, " ", ""); len(whole) > exactDigits && allDigits(whole) { // as Harmless writes it
		return whole, refusal.Refusal{}
	}
	for _, end := range []string{".0", ",0", ".00", ",00"} {
		if whole, ok := strings.CutSuffix(s, end); ok && whole != "" && allDigits(whole) {
			return whole, refusal.Refusal{}
		}
	}
	return s, refusal.Refusal{}
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// rounded reports whether a number is written with an exponent.
func rounded(s string) bool {
	at := strings.IndexAny(s, "eE")
	if at < 0 {
		return false
	}
	mantissa, exponent := s[:at], s[at+1:]
	return mantissa != "" && strings.Trim(mantissa, "0123456789.,") == "" && exponent != "" && strings.Trim(exponent, "+-0123456789") == ""
}

// formulaErrors are the errors in which a formula can end.
var formulaErrors = [...]string{"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}

// Fault refuses a cell that has a formula instead of a value, or the error that a formula ended in.
func Fault(cell string) refusal.Refusal {
	formula := strings.HasPrefix(cell, "=") && !(strings.HasPrefix(cell, `="`) && strings.HasSuffix(cell, `"`) && strings.Count(cell, `"`) == 2)
	tooNarrow := len(cell) > 2 && strings.Trim(cell, "#") == ""
	ended := slices.ContainsFunc(formulaErrors[:], func(e string) bool { return strings.EqualFold(e, cell) })
	if formula || tooNarrow || ended {
		return refuse.SheetFormula(refusal.Echo(cell))
	}
	return refusal.Refusal{}
}

// CommaDecimals reports whether the amounts of a column have a comma before their decimals: at least one of them cannot be read otherwise,
// and none can only be read with a point.
func CommaDecimals(cells []string) bool {
	comma := false
	for _, c := range cells {
		c = strings.Trim(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ \u00a0-")
		point, at := strings.LastIndexByte(c, '.'), strings.LastIndexByte(c, ',')
		switch {
		case at < 0 && point >= 0 && strings.Count(c, ".") == 1 && len(c)-point-1 != 3, at >= 0 && point > at:
			return false // 12.5 or 1,234.50
		case at >= 0 && point >= 0, at >= 0 && strings.Count(c, ",") == 1 && len(c)-at-1 != 3, at < 0 && strings.Count(c, ".") > 1:
			comma = true // 1.234,50 or 12,5 or 1.234.567
		}
	}
	return comma
}

// decimalSigns exchanges comma and point.
var decimalSigns = strings.NewReplacer(".", ",", ",", ".")

// Amount writes an amount with a point before its decimals. A number with very many decimals is one that a spreadsheet computed, such as
// 1234.0999999999999; the digits that only the computer's arithmetic added are removed.
func Amount(cell string, comma bool) (string, refusal.Refusal) {
	s, no := Digits(cell)
	if no.Refused() {
		return "", no
	}
	if comma {
		s = decimalSigns.Replace(s)
	}
	whole, decimals, point := strings.Cut(s, ".")
	if point && len(decimals) > 8 && allDigits(whole+decimals) {
		if exact, ok := new(big.Rat).SetString(s); ok {
			short := strings.TrimSuffix(strings.TrimRight(exact.FloatString(6), "0"), ".")
			near, _ := new(big.Rat).SetString(short)
			if near.Sub(near, exact).Abs(near).Cmp(big.NewRat(1, 100_000_000)) < 0 {
				return short, refusal.Refusal{}
			}
		}
	}
	return s, refusal.Refusal{}
}

// Serial numbers of days that Date reads: 1982 to 2064. Spreadsheets count days from the end of 1899.
const (
	firstSerial = 30_000
	lastSerial  = 60_000
)

// Date reads a date: 2026-10-31, 31.10.2026, 31/10/2026, or the number of the day as a workbook stores it. A date whose day and month can be
// exchanged is refused.
func Date(cell string) (string, refusal.Refusal) {
	if cell == "" {
		return "", refusal.Refusal{}
	}
	day, _, _ := strings.Cut(cell, " ")
	day, _, _ = strings.Cut(day, "T")
	if n, err := strconv.Atoi(strings.TrimSuffix(day, ".0")); err == nil && n >= firstSerial && n <= lastSerial {
		return time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n).Format(time.DateOnly), refusal.Refusal{}
	}
	for _, form := range []string{time.DateOnly, "2006/01/02", "2.1.2006"} {
		if at, err := time.Parse(form, day); err == nil {
			return at.Format(time.DateOnly), refusal.Refusal{}
		}
	}
	british, noDay := time.Parse("2/1/2006", day)
	american, noMonth := time.Parse("1/2/2006", day)
	switch {
	case noDay == nil && (noMonth != nil || british.Equal(american)):
		return british.Format(time.DateOnly), refusal.Refusal{}
	case noMonth == nil && noDay != nil:
		return american.Format(time.DateOnly), refusal.Refusal{}
	}
	return "", refuse.SheetDateUnclear(refusal.Echo(cell))
}
