package sale_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/sale"
)

// TestWhatEachKindOfLineIs: the table gives the account that each kind pays, and whether the kind is a charge. If a kind paid another
// account, neither a customer nor a tax office could follow the books.
func TestWhatEachKindOfLineIs(t *testing.T) {
	s := sale.Sale{Account: id.ID{15: 7}}
	customer := s.Account.Text(id.Account)
	for _, c := range []struct {
		kind    sale.LineKind
		charge  bool
		account ledger.AccountRef
	}{
		{"fee", true, ledger.AccountRef{Code: 4020}},
		{"fixed", true, ledger.AccountRef{Code: 4010}},
		{"debt", true, ledger.AccountRef{Code: 1100, Subject: customer + ":x"}},
		{"free", false, ledger.AccountRef{}},
		{"energy", false, ledger.AccountRef{Code: 4000}},
		{"levy", false, ledger.AccountRef{Code: 2021, Subject: "x"}},
		{"vat", false, ledger.AccountRef{Code: 2020}},
		{"carry", false, ledger.AccountRef{}},
		{"carry_in", false, ledger.AccountRef{}},
		{"wallet", false, ledger.AccountRef{Code: 2000, Subject: customer}},
		{"later", false, ledger.AccountRef{}},
	} {
		to, paid := s.Credited(sale.Line{Kind: c.kind, Ref: "x"})
		if to != c.account || paid != (c.account.Code != 0) {
			t.Errorf("a line %s pays %+v, %t, want %+v", c.kind, to, paid, c.account)
		}
		if c.kind.Charge() != c.charge {
			t.Errorf("kind %s is a charge: %t, want %t", c.kind, c.kind.Charge(), c.charge)
		}
	}
}
