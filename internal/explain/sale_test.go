package explain

import (
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// TestEachRuleOfAChargeInWords checks the sentence of every rule, with its figures.
func TestEachRuleOfAChargeInWords(t *testing.T) {
	kes, _ := money.CurrencyOf("KES")
	f := figures{say: wordstest.English(t), e: vending.Explained{Currency: kes, Sale: sale.Sale{Tender: money.Amount{Minor: 50_000, Currency: "KES"}}}}
	c := tariff.Charge{Percent: 1250, MonthCap: 9000, Taken: 4000}
	for rule, want := range map[tariff.Rule]string{
		tariff.AskPercent:     "12.5 % of the 500.00 KES paid is 62.50 KES",
		tariff.AskAmount:      "a fixed 62.50 KES",
		tariff.AskOutstanding: "all that is due, 62.50 KES",
		tariff.AtLeast:        "at least 62.50 KES",
		tariff.AtMost:         "at most 62.50 KES of one purchase",
		tariff.MonthLimit:     "at most 62.50 KES, because a month has a limit of 90.00 KES and 40.00 KES was taken already",
		tariff.NotMoreThanDue: "at most the 62.50 KES that is owed",
		tariff.Ceiling:        "cut to 62.50 KES, because charges and debts may take 70 % of a purchase together",
		tariff.WhatIsLeft:     "cut to the 62.50 KES that is left of the payment",
	} {
		if got := f.bound(tariff.Bound{Rule: rule, Amount: 6250}, c); got != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
	f.e.Tariff.Body.MaxDeduction = 4000
	if got := f.ceiling(); got != 4000 {
		t.Errorf("the ceiling of the tariff: %d, want 4000", got)
	}
	if f.e.Sale.Asked.MaxDeduction = 3000; f.ceiling() != 3000 {
		t.Errorf("the ceiling of the tenant: %d, want 3000", f.ceiling())
	}
}

// TestEachDifferenceInWords checks that each difference has a different sentence, with both figures.
func TestEachDifferenceInWords(t *testing.T) {
	say := wordstest.English(t)
	for in, want := range map[vending.DifferenceIn]string{
		vending.DiffersPrice:      "It cannot be priced from what is stored: D.",
		vending.DiffersRefused:    "Its tariff would have refused this purchase: D",
		vending.DiffersDerivedSum: "The recalculated lines add up to D, but S was paid.",
		vending.DiffersStoredSum:  "The stored lines add up to S, but D was paid.",
		vending.DiffersLines:      "S lines are stored, D are recalculated.",
		vending.DiffersLine:       "Line 2 is stored as S and recalculated as D.",
		vending.DiffersCarried:    "S is stored as carried forward, D is recalculated.",
		vending.DiffersUnits:      "S Wh are stored as sold, D Wh are recalculated.",
		vending.DiffersTokens:     "The tokens carry S Wh of the D Wh sold.",
	} {
		if got := difference(say, vending.Difference{In: in, Line: 2, Stored: "S", Derived: "D"}); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
