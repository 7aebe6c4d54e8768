package sale_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/sale"
)

// TestWhatEachKindOfLineIs: the account that each kind pays, whether it is a charge, and its name for people. A kind that pays
// another account would make books that no customer and no tax office can follow.
func TestWhatEachKindOfLineIs(t *testing.T) {
	s := sale.Sale{Account: id.ID{15: 7}}
	customer := s.Account.Text(id.Account)
	for _, c := range []struct {
		kind    sale.LineKind
		name    string
		charge  bool
		account ledger.AccountRef
	}{
		{"fee", "Fee", true, ledger.AccountRef{Code: 4020}},
		{"fixed", "Fixed charge", true, ledger.AccountRef{Code: 4010}},
		{"debt", "Debt", true, ledger.AccountRef{Code: 1100, Subject: customer + ":x"}},
		{"free", "Free units of the month", false, ledger.AccountRef{}},
		{"energy", "Energy without tax", false, ledger.AccountRef{Code: 4000}},
		{"levy", "Levy", false, ledger.AccountRef{Code: 2021, Subject: "x"}},
		{"vat", "VAT", false, ledger.AccountRef{Code: 2020}},
		{"carry", "Kept for the next sale", false, ledger.AccountRef{}},
		{"carry_in", "Kept from the last sale", false, ledger.AccountRef{}},
		{"wallet", "Wallet recharge", false, ledger.AccountRef{Code: 2000, Subject: customer}},
		{"later", "later", false, ledger.AccountRef{}},
	} {
		to, paid := s.Credited(sale.Line{Kind: c.kind, Ref: "x"})
		if to != c.account || paid != (c.account.Code != 0) {
			t.Errorf("a line %s pays %+v, %t, want %+v", c.kind, to, paid, c.account)
		}
		if c.kind.Name() != c.name || c.kind.Charge() != c.charge {
			t.Errorf("kind %s is %q, a charge %t, want %q, %t", c.kind, c.kind.Name(), c.kind.Charge(), c.name, c.charge)
		}
	}
}
