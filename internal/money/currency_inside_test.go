package money

import (
	"strings"
	"testing"
)

// TestEveryListedCurrencyIsFound checks that the search finds each code of the table, which must be in order for that.
func TestEveryListedCurrencyIsFound(t *testing.T) {
	for exp, codes := range currencies {
		for code := range strings.FieldsSeq(codes) {
			if c, ok := CurrencyOf(code); !ok || c != (Currency{Code: code, Exp: exp}) {
				t.Errorf("%s is found as %+v, %v; want %d decimals", code, c, ok, exp)
			}
		}
	}
}
