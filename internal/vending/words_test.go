package vending_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
)

// TestReasonsAreGivenInAnyWriting: who writes a debt off says why in the language of the office, to the last of the 120
// characters; what would break a line or turn it around is refused.
func TestReasonsAreGivenInAnyWriting(t *testing.T) {
	s := open(t, true)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	for _, said := range []string{"Dívida de março, prestação 2", "الدين القديم", strings.Repeat("ዕ", 120), strings.Repeat("🎉", 120)} {
		kind := string([]rune(said)[:min(32, len([]rune(said)))])
		loan, err := s.Debts.Add(context.Background(), owner(), debt.NewDebt{Account: meter, Kind: kind, Memo: said, Amount: kes(1000)})
		if err != nil || loan.Refused() {
			t.Fatalf("a debt for %q: %v %s", said, err, loan.Detail())
		}
		off, err := s.WriteOff(context.Background(), owner(), debt.WriteOff{Debt: loan.Value.Name(), Amount: ptr(money.Minor(400)), Reason: said})
		if err != nil || off.Refused() {
			t.Errorf("written off because %q: %v %s", said, err, off.Detail())
		}
		gave, err := s.Adjust(context.Background(), owner(), debt.Adjustment{Account: meter, Amount: kes(10), Reason: said})
		if err != nil || gave.Refused() {
			t.Errorf("given because %q: %v %s", said, err, gave.Detail())
		}
	}
	if n := s.number(`SELECT COUNT(*) FROM journal WHERE memo LIKE '%' || $1`, strings.Repeat("🎉", 120)); n != 3 {
		t.Errorf("%d journals say the longest reason, want three", n)
	}
	sold := s.sell(order(meter, 50_000, "key-number-1"))
	got, err := s.Receipt(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
	if err != nil || got.Refused() || !slices.ContainsFunc(got.Receipt.Others, func(p receipt.Part) bool { return p.Text() == "Debt Dívida de março, prestação 2" }) {
		t.Errorf("the receipt of a purchase that pays them: %v %+v", err, got.Receipt.Others)
	}
	for _, said := range []string{strings.Repeat("é", 121), "a\nb", "a\x1b@", "a\u202eb", "a\u2028b", "\xff"} {
		out, err := s.Debts.Add(context.Background(), owner(), debt.NewDebt{Account: meter, Kind: "fine", Memo: said, Amount: kes(1000)})
		if err != nil || out.Code != refusal.InvalidRequest {
			t.Errorf("a debt for %q: %v %q, want %s", said, err, out.Code, refusal.InvalidRequest)
		}
	}
	s.verified()
}
