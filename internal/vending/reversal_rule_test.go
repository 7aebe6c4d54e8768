package vending

import "testing"

// TestWhoMustAgreeToAReversal checks the whole rule, with every possible row of facts.
func TestWhoMustAgreeToAReversal(t *testing.T) {
	const seller, utility, sold, other, fresh, late = true, false, true, false, true, false
	rows := []struct {
		tokens              certainty
		seller, sold, fresh bool
		want                consent
	}{
		// A token may still load. A seller can only ask for the reversal. A person of the utility needs a second person for their own sale.
		{unconfirmed, seller, sold, fresh, consentUtility},
		{unconfirmed, seller, sold, late, consentUtility},
		{unconfirmed, seller, other, late, consentUtility},
		{unconfirmed, utility, sold, fresh, consentSecond},
		{unconfirmed, utility, sold, late, consentSecond},
		{unconfirmed, utility, other, late, consentSecond},
		// The money waits for the meter.
		{meterAsked, seller, sold, fresh, consentNone},
		{meterAsked, seller, sold, late, consentSecond},
		{meterAsked, seller, other, late, consentSecond},
		{meterAsked, utility, sold, fresh, consentNone},
		{meterAsked, utility, sold, late, consentSecond},
		{meterAsked, utility, other, late, consentSecond},
		// No token can load: a recharge, or a sale whose tokens the meter has already cancelled.
		{confirmed, seller, sold, fresh, consentNone},
		{confirmed, seller, sold, late, consentSecond},
		{confirmed, seller, other, late, consentSecond},
		{confirmed, utility, sold, fresh, consentNone},
		{confirmed, utility, sold, late, consentSecond},
		{confirmed, utility, other, late, consentSecond},
	}
	seen := map[reversalFacts]bool{}
	for _, r := range rows {
		f := reversalFacts{Tokens: r.tokens, Seller: r.seller, Sold: r.sold, Fresh: r.fresh}
		seen[f] = true
		if got := consentFor(f); got != r.want {
			t.Errorf("%+v: consent %d, want %d", f, got, r.want)
		}
	}
	if want := 3 * 2 * 3; len(seen) != want { // only the seller's sale can be fresh
		t.Errorf("%d rows, want %d", len(seen), want)
	}
}
