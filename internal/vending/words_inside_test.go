package vending

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// TestEachRuleOfAChargeInWords has the sentence of every rule, with the figures that it was decided from.
func TestEachRuleOfAChargeInWords(t *testing.T) {
	kes, _ := money.CurrencyOf("KES")
	w := wording{e: Explained{Currency: kes, Sale: sale.Sale{Tender: money.Amount{Minor: 50_000, Currency: "KES"}}}}
	c := tariff.Charge{Percent: 1250, MonthCap: 9000, Taken: 4000}
	for rule, want := range map[tariff.Rule]string{
		tariff.AskPercent:     "12.5 % of the 500.00 KES paid is 62.50 KES",
		tariff.AskAmount:      "a fixed 62.50 KES",
		tariff.AskOutstanding: "all that is due, 62.50 KES",
		tariff.AtLeast:        "at least 62.50 KES",
		tariff.AtMost:         "at most 62.50 KES of one purchase",
		tariff.MonthLimit:     "no more than 62.50 KES, because a month has a limit of 90.00 KES and 40.00 KES was taken already",
		tariff.NotMoreThanDue: "no more than the 62.50 KES that is owed",
		tariff.Ceiling:        "cut to 62.50 KES, because charges and debts may take 70 % of a purchase together",
		tariff.WhatIsLeft:     "cut to the 62.50 KES that is left of the payment",
	} {
		if got := w.bound(tariff.Bound{Rule: rule, Amount: 6250}, c); got != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
	w.e.Tariff.Body.MaxDeduction = 4000
	if got := w.ceiling(); got != 4000 {
		t.Errorf("the ceiling of the tariff: %d, want 4000", got)
	}
	if w.e.Sale.Asked.MaxDeduction = 3000; w.ceiling() != 3000 {
		t.Errorf("the ceiling of the tenant: %d, want 3000", w.ceiling())
	}
}

// explained sells what a purchase buys and explains it. The identities are those of no sale.
func explained(t *testing.T, p tariff.Purchase) Explained {
	t.Helper()
	p.ChargesOnly, p.Trace = true, true
	split, err := tariff.Allocate(p)
	if err != nil || split.Refused() {
		t.Fatalf("allocate: %v %s", err, split.Detail())
	}
	s := sale.Sale{ID: id.ID{1}, Meter: sale.MeterRef{Number: "04000000011"}, Tender: money.Amount{Minor: p.Tender, Currency: "KES"}, CarryIn: p.Carry, CarryOut: split.CarryOut,
		Month: "2026-11", MonthBefore: p.Month, Free: split.Free, Units: split.Units + split.Free, Asked: sale.Asked{Charges: p.Charges, MaxDeduction: p.MaxDeduction},
		Lines: priced{split: split, carry: p.Carry}.lines(), Tokens: []sale.Token{{Units: split.Units + split.Free}}}
	e, err := derive(s, tariff.Version{Name: "domestic", N: 2, EffectiveFrom: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Body: p.Body})
	if err != nil || !e.Agrees() {
		t.Fatalf("derive: %v %q", err, e.Differences)
	}
	return e
}

// TestAnExplanationInFull has every sentence of it, and none that says nothing.
func TestAnExplanationInFull(t *testing.T) {
	one := []tariff.Block{{Rate: 2_500_000}}
	two := []tariff.Block{{UpTo: 50_000, Rate: 1_200_000}, {Rate: 1_600_000}}
	const head = "Sale SALE, meter 04000000011.\n"
	const price = "The price is that of tariff domestic, version 2, in force since 2026-01-01T00:00:00Z.\n"
	for name, c := range map[string]struct {
		p    tariff.Purchase
		want string
	}{
		"one block, nothing is left": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: one}, Tender: 10_000}, head + `You paid 100.00 KES.
` + price + `100.00 KES is there for energy.
40.0 kWh at 2.50 is 2.5 per kWh: 100.
Another 0.1 kWh would cost more than is left. The exact price is 100, rounded to 100.00 KES.
Of that, 0.00 KES is VAT and 100.00 KES is energy without VAT.
Together: 100.00 = 100.00 KES.`},
		"two blocks, a levy without tax, carry in and out": {tariff.Purchase{Body: tariff.Body{Currency: "KES", VATBps: 1500, Blocks: two,
			Levies: []tariff.Levy{{Name: "regulator", Rate: 100_000, Untaxed: true}}}, Tender: 10_000, Carry: 13, Month: 40_000}, head + `You paid 100.00 KES.
0.13 KES was left from your earlier purchases and is added.
` + price + `100.13 KES is there for energy.
Before this purchase 40.0 kWh of 2026-11 had been bought.
10.0 kWh at 1.20 and 0.10 levy regulator without VAT and VAT of 15 % is 1.48 per kWh: 14.8.
43.9 kWh at 1.60 and 0.10 levy regulator without VAT and VAT of 15 % is 1.94 per kWh: 85.166.
Another 0.1 kWh would cost more than is left. The exact price is 99.966, rounded to 99.97 KES.
Of that, 12.34 KES is VAT and 82.24 KES is energy without VAT.
5.39 KES is the levy regulator.
0.16 KES is left and is carried to your next purchase.
Together: 82.24 + 5.39 + 12.34 + 0.16 - 0.13 = 100.00 KES.`},
		"free units, rounded to the nearest": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: two, Rounding: tariff.Nearest, Free: tariff.Free{Units: 45_000}}, Tender: 1000, Free: 45_000},
			head + `You paid 10.00 KES.
` + price + `45.0 kWh are this month's free units.
10.00 KES is there for energy.
Before this purchase 45.0 kWh of 2026-11 had been bought.
5.0 kWh at 1.20 is 1.2 per kWh: 6.
2.5 kWh at 1.60 is 1.6 per kWh: 4.
Units are rounded to the nearest 0.1 kWh; the exact price is 10, and 10.00 KES is taken for it.
Of that, 0.00 KES is VAT and 10.00 KES is energy without VAT.
Together: 10.00 = 10.00 KES.`},
		"free units apart, the rest is revenue": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: two, Rounding: tariff.Income, Free: tariff.Free{Units: 45_000, Apart: true}}, Tender: 1001, Free: 45_000},
			head + `You paid 10.01 KES.
` + price + `45.0 kWh are this month's free units.
10.01 KES is there for energy.
Before this purchase 0.0 kWh of 2026-11 had been bought.
8.3 kWh at 1.20 is 1.2 per kWh: 9.96.
Units are rounded down to 0.1 kWh; the exact price is 9.96, and all of the 10.01 KES is kept for it.
Of that, 0.00 KES is VAT and 10.01 KES is energy without VAT.
Together: 10.01 = 10.01 KES.`},
		"all of it is owed": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: one, MaxDeduction: 10_000}, Tender: 1000,
			Charges: []tariff.Charge{{Kind: tariff.Debt, Ref: "arrears", Mode: tariff.Full, Outstanding: 5000, Capped: true}}}, head + `You paid 10.00 KES.
` + price + `The debt arrears takes 10.00 KES: all that is due, 50.00 KES, then cut to 10.00 KES, because charges and debts may take 100 % of a purchase together. 40.00 KES of it is left to pay.
Together: 10.00 = 10.00 KES.`},
		"too little is left": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: one, MaxDeduction: 10_000}, Tender: 1010,
			Charges: []tariff.Charge{{Kind: tariff.Debt, Ref: "arrears", Mode: tariff.Full, Outstanding: 1000, VATBps: 1500, Capped: true}}}, head + `You paid 10.10 KES.
` + price + `The debt arrears takes 10.00 KES: all that is due, 10.00 KES. 1.30 KES of it is VAT. 0.00 KES of it is left to pay.
0.10 KES is there for energy.
It buys less than 0.1 kWh.
Of that, 0.00 KES is VAT and 0.00 KES is energy without VAT.
0.10 KES is left and is carried to your next purchase.
Together: 8.70 + 1.30 + 0.10 = 10.10 KES.`},
		"only free units": {tariff.Purchase{Body: tariff.Body{Currency: "KES", Blocks: one, Free: tariff.Free{Units: 45_000}}, Free: 45_000}, head + `You paid 0.00 KES.
` + price + `45.0 kWh are this month's free units.`},
	} {
		e := explained(t, c.p)
		want := strings.ReplaceAll(c.want, "SALE", e.Sale.ID.Text(id.Vend))
		if got := strings.Join(e.Words(), "\n"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

// TestAnExplanationSaysWhatDoesNotAgree: a sum that is off is named, and a sale in no known money is not explained.
func TestAnExplanationSaysWhatDoesNotAgree(t *testing.T) {
	kes, _ := money.CurrencyOf("KES")
	e := Explained{Currency: kes, Sum: 99, Sale: sale.Sale{ID: id.ID{1}, Mode: registry.PrepayWallet, Tender: money.Amount{Minor: 100, Currency: "KES"},
		Lines: rechargeLines(100, 0)}, Lines: rechargeLines(100, 0)}
	e.compare()
	want := []string{"THE STORED SALE IS NOT WHAT ITS OWN FIGURES MAKE IT:", "  The derived lines sum to 99, 100 was tendered.", "What follows is derived again, and is not what is stored."}
	if got := e.Words(); len(e.Differences) != 1 || strings.Join(got[:3], "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want it to begin %q", got, want)
	}
	s := sale.Sale{ID: id.ID{1}, Tender: money.Amount{Minor: 100, Currency: "XXX"}}
	if _, err := derive(s, tariff.Version{}); err == nil {
		t.Error("a sale in an unknown currency is explained")
	}
	if _, err := Evidence(s, sale.Facts{}); err == nil {
		t.Error("a sale in an unknown currency has a receipt")
	}
	s.Mode, s.Tender = registry.PrepayWallet, money.Amount{Minor: 11_500, Currency: "KES"}
	s.Lines = rechargeLines(11_500, 1500)
	taxed, err := derive(s, tariff.Version{Body: tariff.Body{VATBps: 1500}})
	if err != nil || !taxed.Agrees() {
		t.Errorf("a recharge with its tax: %v %q", err, taxed.Differences)
	}
	account := s.Account.Text(id.Account)
	if got, want := strings.Join(taxed.Words(), "\n"), "Sale "+s.ID.Text(id.Vend)+", meter .\nYou paid 115.00 KES.\nAll of it was put into the wallet of account "+account+
		". What the meter counts is charged to the wallet as it is used.\n15.00 KES of it is tax, owed with the payment. What is used is not taxed a second time.\nTogether: 115.00 = 115.00 KES."; got != want {
		t.Errorf("a recharge:\n%s\nwant\n%s", got, want)
	}
	if _, err := derive(s, tariff.Version{Body: tariff.Body{VATBps: -10_000}}); err == nil {
		t.Error("an impossible tax is taken")
	}
}
