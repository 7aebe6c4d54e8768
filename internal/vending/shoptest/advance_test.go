package shoptest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// taxAtOnce sets whether a recharge owes its tax at payment.
func (s *shop) taxAtOnce(yes bool) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		set.Wallet.VATOnAdvances = yes
		return tx.PutTenantSettings(set)
	})
}

// TestTaxOnARechargeIsOwedOnce checks the setting by which the tax of a recharge is owed at its payment (P15 of docs/reference/postings.md:
// 13.04 of 100.00). The tax on energy and charges is then taken from that amount (P16, P17) until the amount is used up. After that, the
// tax on energy and charges is owed in addition.
func TestTaxOnARechargeIsOwedOnce(t *testing.T) {
	s := open(t, true)
	s.taxAtOnce(true)
	body := flat()
	body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
	m := s.walletMeter(1, s.publish("domestic", body, monday().AddDate(0, -1, 0)))
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	by := access.SystemActor(tenant, "wallets")
	sold := s.sell(order(m, 10000, "recharge-1"))
	if l := sold.Sale.Lines; len(l) != 1 || l[0].Amount != 10000 || l[0].VAT != 1304 {
		t.Errorf("lines %+v, want 100.00 in the wallet with 13.04 of tax in it", l)
	}
	books := func(what string, advances, owed money.Minor) {
		t.Helper()
		if b := s.balances(); b[ledger.VATOnAdvances] != advances || b[ledger.VATPayable] != -owed {
			t.Errorf("%s: tax on advances %d, owed %d; want %d and %d", what, b[ledger.VATOnAdvances], -b[ledger.VATPayable], advances, owed)
		}
	}
	books("paid", 1304, 1304)
	s.uses(m, 0, 1000) // 2.87, 0.37 of it tax
	s.clock.add(time.Hour)
	if _, err := wallets.SettleDue(context.Background(), by); err != nil {
		t.Fatal(err)
	}
	books("used", 1267, 1304)
	s.clock.add(3 * time.Hour)
	s.taxAtOnce(false) // tax already owed is still used up first
	s.uses(m, 34_000)  // 94.88: 12.38 of tax; 0.29 of advances are left
	s.sell(order(m, 5000, "recharge-2"))
	books("nearly used up, and a recharge that owes nothing at once", 29, 1304)
	s.uses(m, 36_000) // 5.75: 0.75 of tax
	s.clock.add(time.Hour)
	if _, err := wallets.SettleDue(context.Background(), by); err != nil {
		t.Fatal(err)
	}
	books("used up", 0, 1304+46)
	s.taxAtOnce(true)
	s.sell(order(m, 10000, "recharge-3"))
	if n, err := wallets.ChargeDays(context.Background(), by); err != nil || n != 1 {
		t.Fatalf("%d charges (%v), want one day's", n, err)
	}
	books("charged for a day", 1304-15, 1304+46+1304) // 1.15, 0.15 of it tax
	s.audit()
}

// TestARechargeTaxedAtOnceIsATaxInvoice checks that the documents of such a recharge show the tax, and that their figures add up.
func TestARechargeTaxedAtOnceIsATaxInvoice(t *testing.T) {
	s := open(t, true)
	s.taxAtOnce(true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday()))
	sold := s.sell(order(m, 10000, "recharge-1"))
	got, err := s.Receipt(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
	if err != nil || got.Refused() {
		t.Fatalf("receipt: %v %s", err, got.Detail())
	}
	r := got.Receipt
	html, err := print.HTML(english(t), r)
	if err != nil {
		t.Fatal(err)
	}
	if r.Title != receipt.TaxInvoice || r.VAT != 1304 || !r.Recharge() {
		t.Errorf("receipt %+v, want a tax invoice of a recharge", r)
	}
	for name, text := range map[string]string{"text48": print.Text48(english(t), r), "html": html} {
		for _, want := range []string{"Wallet recharge", "86.96", "13.04", "15.00 %", "100.00"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", name, want, text)
			}
		}
	}
	if e, err := s.Explain(context.Background(), owner(), sold.Sale.ID.Text(id.Vend)); err != nil || len(e.Differences) != 0 || !strings.Contains(strings.Join(explain.Sale(english(t), e), " "), "13.04 KES of it is tax") {
		t.Errorf("explained: %v %v %q", err, e.Differences, explain.Sale(english(t), e))
	}
	s.reversed(owner(), sold.Sale, "wrong meter")
	if b := s.balances(); b[ledger.VATOnAdvances] != 0 || b[ledger.VATPayable] != 0 {
		t.Errorf("reversed: %v, want no tax left", b)
	}
	s.audit()
}

// TestWhoMovesOutGetsBackUntaxedMoney checks that a move-out takes back the tax on money that was never used.
func TestWhoMovesOutGetsBackUntaxedMoney(t *testing.T) {
	s := open(t, true)
	s.taxAtOnce(true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	s.sell(order(m, 10000, "recharge-1"))
	s.uses(m, 0, 1000)
	out, err := s.MoveOut(context.Background(), owner(), leaves(m, "move-out-1"))
	if err != nil || out.Value.Refund != 10000-287 || out.Value.Advanced != 1267 {
		t.Fatalf("moved out: %+v %v", out.Value, err)
	}
	if b := s.balances(); b[ledger.VATOnAdvances] != 0 || b[ledger.VATPayable] != -37 {
		t.Errorf("books %v, want the tax of what was used alone", b)
	}
	s.verified()
}
