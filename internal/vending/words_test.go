package vending_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// boughtBy returns the explanation of the sale that a purchase makes.
func boughtBy(t *testing.T, p tariff.Purchase) vending.Explained {
	t.Helper()
	p.ChargesOnly, p.Trace = true, true
	split, err := tariff.Allocate(p)
	if err != nil || split.Refused() {
		t.Fatalf("allocate: %v %s", err, split.Detail())
	}
	e, err := vending.Derive(vending.Bought(p, split), tariff.Version{Name: "domestic", N: 2, EffectiveFrom: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Body: p.Body})
	if err != nil || !e.Agrees() {
		t.Fatalf("derive: %v %v", err, e.Differences)
	}
	return e
}

// TestAnExplanationInFull checks the whole text of the explanations of several purchases.
func TestAnExplanationInFull(t *testing.T) {
	say := wordstest.English(t)
	one := []tariff.Block{{Rate: 2_500_000}}
	two := []tariff.Block{{UpTo: 50_000, Rate: 1_200_000}, {Rate: 1_600_000}}
	const head = "Sale SALE, meter 04000000011.\n"
	const price = "The price comes from tariff domestic, version 2, in force since 2026-01-01 00:00 UTC.\n"
	for name, c := range map[string]struct {
		p    tariff.Purchase
		want string
	}{
		"one block, nothing is left": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: one}, Tender: 10_000}, head + `You paid 100.00 KES.
` + price + `100.00 KES is left for energy.
40.0 kWh at 2.50 (2.5 per kWh) cost 100.
Another 0.1 kWh would cost more than is left. The exact price of all units is 100, rounded to 100.00 KES.
0.00 KES of that is VAT, and 100.00 KES is energy without VAT.
Together: 100.00 = 100.00 KES.`},
		"two blocks, a levy without tax, carry in and out": {tariff.Purchase{Body: tariff.Body{Currency: "KES", VATBps: 1500, Blocks: two,
			Levies: []tariff.Levy{{Name: "regulator", Rate: 100_000, Untaxed: true}}}, Tender: 10_000, Carry: 13, Month: 40_000}, head + `You paid 100.00 KES.
0.13 KES was carried forward from earlier purchases and is added.
` + price + `100.13 KES is left for energy.
40.0 kWh of 2026-11 had been bought before this purchase.
10.0 kWh at 1.20 and 0.10 levy regulator without VAT and VAT of 15 % (1.48 per kWh) cost 14.8.
43.9 kWh at 1.60 and 0.10 levy regulator without VAT and VAT of 15 % (1.94 per kWh) cost 85.166.
Another 0.1 kWh would cost more than is left. The exact price of all units is 99.966, rounded to 99.97 KES.
12.34 KES of that is VAT, and 82.24 KES is energy without VAT.
5.39 KES is the levy regulator.
0.16 KES is left and is carried forward to the next purchase.
Together: 82.24 + 5.39 + 12.34 + 0.16 - 0.13 = 100.00 KES.`},
		"free units, rounded to the nearest": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: two, Rounding: tariff.Nearest, Free: tariff.Free{Units: 45_000}}, Tender: 1000, Free: 45_000},
			head + `You paid 10.00 KES.
` + price + `45.0 kWh are the free units of this month.
10.00 KES is left for energy.
45.0 kWh of 2026-11 had been bought before this purchase.
5.0 kWh at 1.20 (1.2 per kWh) cost 6.
2.5 kWh at 1.60 (1.6 per kWh) cost 4.
Units are rounded to the nearest 0.1 kWh. The exact price of all units is 10, and the whole 10.00 KES is charged for them.
0.00 KES of that is VAT, and 10.00 KES is energy without VAT.
Together: 10.00 = 10.00 KES.`},
		"free units apart, the rest is revenue": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: two, Rounding: tariff.Income, Free: tariff.Free{Units: 45_000, Apart: true}}, Tender: 1001, Free: 45_000},
			head + `You paid 10.01 KES.
` + price + `45.0 kWh are the free units of this month.
10.01 KES is left for energy.
0.0 kWh of 2026-11 had been bought before this purchase.
8.3 kWh at 1.20 (1.2 per kWh) cost 9.96.
Units are rounded down to 0.1 kWh. The exact price of all units is 9.96, and the whole 10.01 KES is charged for them.
0.00 KES of that is VAT, and 10.01 KES is energy without VAT.
Together: 10.01 = 10.01 KES.`},
		"all of it is owed": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: one, MaxDeduction: 10_000}, Tender: 1000,
			Charges: []tariff.Charge{{Kind: tariff.Debt, Ref: "arrears", Mode: tariff.Full, Outstanding: 5000, Capped: true}}}, head + `You paid 10.00 KES.
` + price + `The debt arrears takes 10.00 KES: all that is due, 50.00 KES, then cut to 10.00 KES, because charges and debts may take 100 % of a purchase together. 40.00 KES of it is left to pay.
Together: 10.00 = 10.00 KES.`},
		"too little is left": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: one, MaxDeduction: 10_000}, Tender: 1010,
			Charges: []tariff.Charge{{Kind: tariff.Debt, Ref: "arrears", Mode: tariff.Full, Outstanding: 1000, VATBps: 1500, Capped: true}}}, head + `You paid 10.10 KES.
` + price + `The debt arrears takes 10.00 KES: all that is due, 10.00 KES. 1.30 KES of it is VAT. 0.00 KES of it is left to pay.
0.10 KES is left for energy.
It buys less than 0.1 kWh.
0.00 KES of that is VAT, and 0.00 KES is energy without VAT.
0.10 KES is left and is carried forward to the next purchase.
Together: 8.70 + 1.30 + 0.10 = 10.10 KES.`},
		"only free units": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: one, Free: tariff.Free{Units: 45_000}}, Free: 45_000}, head + `You paid 0.00 KES.
` + price + `45.0 kWh are the free units of this month.`},
	} {
		e := boughtBy(t, c.p)
		want := strings.ReplaceAll(c.want, "SALE", e.Sale.ID.Text(id.Vend))
		if got := strings.Join(explain.Sale(say, e), "\n"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

// TestAnExplanationSaysWhatDoesNotAgree: an explanation begins with the differences. It then says that all sentences below come from the
// recalculation, not from the stored sale.
func TestAnExplanationSaysWhatDoesNotAgree(t *testing.T) {
	say := wordstest.English(t)
	kes, _ := money.CurrencyOf("KES")
	e := vending.Explained{Currency: kes, Sum: 99, Sale: sale.Sale{ID: id.ID{1}, Mode: registry.PrepayWallet, Tender: money.Amount{Minor: 100, Currency: "KES"}},
		Lines: vending.RechargeLines(100, 0), Differences: []vending.Difference{{In: vending.DiffersDerivedSum, Stored: "1.00 KES", Derived: "0.99 KES"}}}
	want := []string{"THE STORED SALE DOES NOT MATCH ITS RECALCULATION:", "  The recalculated lines add up to 0.99 KES, but 1.00 KES was paid.", "The sentences below are recalculated. They are not what is stored."}
	if got := explain.Sale(say, e); !slices.Equal(got[:3], want) {
		t.Errorf("%q, want it to begin %q", got, want)
	}
	s := sale.Sale{ID: id.ID{1}, Tender: money.Amount{Minor: 100, Currency: "XXX"}}
	if _, err := vending.Derive(s, tariff.Version{}); err == nil {
		t.Error("a sale in an unknown currency is explained")
	}
	if _, err := vending.Evidence(s, sale.Facts{}); err == nil {
		t.Error("a sale in an unknown currency has a receipt")
	}
	s.Mode, s.Tender = registry.PrepayWallet, money.Amount{Minor: 11_500, Currency: "KES"}
	s.Lines = vending.RechargeLines(11_500, 1500)
	taxed, err := vending.Derive(s, tariff.Version{Body: tariff.Body{VATBps: 1500}})
	if err != nil || !taxed.Agrees() {
		t.Errorf("a recharge with its tax: %v %v", err, taxed.Differences)
	}
	account := s.Account.Text(id.Account)
	if got, want := strings.Join(explain.Sale(say, taxed), "\n"), "Sale "+s.ID.Text(id.Vend)+", meter .\nYou paid 115.00 KES.\nAll of it was paid into the wallet of account "+account+
		". Energy is charged to the wallet as the meter counts it.\n15.00 KES of it is tax, which is due with the payment. The energy is not taxed again.\nTogether: 115.00 = 115.00 KES."; got != want {
		t.Errorf("a recharge:\n%s\nwant\n%s", got, want)
	}
	if _, err := vending.Derive(s, tariff.Version{Body: tariff.Body{VATBps: -10_000}}); err == nil {
		t.Error("an impossible tax is taken")
	}
}
