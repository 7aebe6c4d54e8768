package money

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 currency: its three letters and how many decimals its minor unit has.
type Currency struct {
	Code string
	Exp  int
}

// CurrencyOf returns the currency with a code, in upper case only. It knows the currencies in use in 2026.
func CurrencyOf(code string) (Currency, bool) {
	if len(code) != 3 {
		return Currency{}, false
	}
	for exp, codes := range currencies {
		at := func(i int) string { return codes[4*i : 4*i+3] }
		i, found := sort.Find((len(codes)+1)/4, func(i int) int { return strings.Compare(code, at(i)) })
		if found {
			return Currency{Code: at(i), Exp: exp}, true
		}
	}
	return Currency{}, false
}

// Errors of [Parse]; the text of the returned error names the input and the rule.
var (
	ErrSyntax   = errors.New("not an amount")
	ErrNegative = errors.New("negative amount")
	ErrDecimals = errors.New("more decimals than the currency has")
	ErrTooLarge = errors.New("amount too large")
)

// maxDigits is the largest number of digits before the point of a typed amount. It is far above any purchase and far below an overflow.
const maxDigits = 12

// Parse reads an amount typed by a person: digits, and after a point at most as many decimals as the currency has. "12.345" of a currency
// with two decimals is an error; it is never rounded. Groups of three digits before the point may be separated by commas, blanks or
// apostrophes: "1,000" and "12 345.50". The code of the currency may stand before or after the amount. Signs, other letters, a comma before
// decimals and empty parts are errors. So is "1,000" of a currency with three or more decimals, because many people write 1.000 like this, and
// "0,500", because no group begins with a zero.
func Parse(text string, c Currency) (Minor, error) {
	s := strings.TrimSpace(text)
	if c.Code != "" {
		s = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(s, c.Code), c.Code))
	}
	if strings.HasPrefix(s, "-") {
		return 0, fmt.Errorf("%q: %w", text, ErrNegative)
	}
	whole, decimals, point := strings.Cut(s, ".")
	if commas := strings.Count(whole, ","); commas != 1 || point || c.Exp < 3 {
		whole = ungrouped(whole)
	}
	if !digits(whole) || point && !digits(decimals) {
		return 0, fmt.Errorf("%q: %w: write digits, with a point before the decimals", text, ErrSyntax)
	}
	if len(decimals) > c.Exp {
		return 0, fmt.Errorf("%q: %w: %s has %d", text, ErrDecimals, c.Code, c.Exp)
	}
	if len(strings.TrimLeft(whole, "0")) > maxDigits {
		return 0, fmt.Errorf("%q: %w: at most %d digits before the point", text, ErrTooLarge, maxDigits)
	}
	minor, err := strconv.ParseInt(whole+decimals+strings.Repeat("0", c.Exp-len(decimals)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", text, ErrTooLarge)
	}
	return Minor(minor), nil
}

// ungrouped removes the separators between groups of three digits: one kind of separator, and before the first one to three digits that do not
// begin with a zero. Any other
// text stays as it is.
func ungrouped(whole string) string {
	for _, separator := range []string{",", " ", "\u00a0", "\u202f", "'", "’"} {
		groups := strings.Split(whole, separator)
		if len(groups) < 2 || len(groups[0]) > 3 || !digits(groups[0]) || groups[0][0] == '0' {
			continue
		}
		if !slices.ContainsFunc(groups[1:], func(g string) bool { return len(g) != 3 || !digits(g) }) {
			return strings.Join(groups, "")
		}
	}
	return whole
}

// digits reports whether s is one or more decimal digits.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Format formats an amount in major units with all decimals of the currency and no code: "100.00", "-0.24", "20000".
func Format(m Minor, c Currency) string {
	neg := m < 0
	s := strconv.FormatUint(magnitude(int64(m)), 10)
	if c.Exp > 0 {
		if pad := c.Exp + 1 - len(s); pad > 0 {
			s = strings.Repeat("0", pad) + s
		}
		s = s[:len(s)-c.Exp] + "." + s[len(s)-c.Exp:]
	}
	if neg {
		return "-" + s
	}
	return s
}

// String returns the amount as people read it: "500.00 KES". For an unknown currency it says that the units are minor.
func (a Amount) String() string {
	c, known := CurrencyOf(a.Currency)
	if !known {
		return strings.TrimSpace(strconv.FormatInt(int64(a.Minor), 10) + " minor units " + a.Currency)
	}
	return Format(a.Minor, c) + " " + c.Code
}

// Percent returns the ratio as people read it: "1.5 %", "100 %".
func (b Bps) Percent() string {
	s := Format(Minor(b), Currency{Exp: 2})
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + " %"
}

// FormatRate formats a price per kilowatt-hour in major units. It keeps all six decimals exact, and drops trailing zeros beyond the
// currency's own decimals ("2.50", "2.4541").
func FormatRate(r MicroRate, c Currency) string {
	s := strconv.FormatUint(magnitude(int64(r)), 10)
	if pad := 7 - len(s); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	whole, micros := s[:len(s)-6], s[len(s)-6:]
	for len(micros) > c.Exp && micros[len(micros)-1] == '0' {
		micros = micros[:len(micros)-1]
	}
	if micros != "" {
		whole += "." + micros
	}
	if r < 0 {
		return "-" + whole
	}
	return whole
}

// PowerOfTen returns 10^n for n from 0 to 18.
func PowerOfTen(n int) int64 {
	if n < 0 || n > 18 {
		panic("money: power of ten outside 64 bits")
	}
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// MaxMinor is the largest amount that a request may name. Sums of millions of such amounts stay far below the limit of 64 bits.
const MaxMinor Minor = math.MaxInt64 / 1_000_000
