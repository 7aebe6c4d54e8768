package print

import (
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// TestWhatIsLeftToPayIsOneThing: the unpaid figure always includes the tax. The text says so if the line shows the net amount.
func TestWhatIsLeftToPayIsOneThing(t *testing.T) {
	kes := money.Currency{Code: "KES", Exp: 2}
	left := money.Minor(7950)
	for want, p := range map[string]receipt.Part{"left to pay 79.50 including VAT": {Amount: 6087, VAT: 913, Left: &left}, "left to pay 79.50": {Amount: 7000, Left: &left}, "": {Amount: 250, VAT: 38}} {
		if got := owing(wordstest.English(t), p, kes); got != want {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
	}
}
