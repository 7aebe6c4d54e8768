package tariff_test

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

func TestPurchasesKeepTheLimitsOfTheirParts(t *testing.T) {
	const most = 9_223_372_036_854
	fee := tariff.Charge{Kind: tariff.Fee, Mode: tariff.Percent, Percent: 1, Endless: true}
	for name, c := range map[string]struct {
		p  tariff.Purchase
		ok bool
	}{
		"the largest payment":      {tariff.Purchase{Tender: most}, true},
		"a larger one":             {tariff.Purchase{Tender: most + 1}, false},
		"a payment below zero":     {tariff.Purchase{Tender: -1, Carry: 100}, false},
		"the largest carry":        {tariff.Purchase{Tender: 1, Carry: most}, true},
		"a larger carry":           {tariff.Purchase{Tender: 1, Carry: most + 1}, false},
		"a carry below zero":       {tariff.Purchase{Tender: 2000, Carry: -1}, false},
		"a carry and no payment":   {tariff.Purchase{Carry: 2000}, true},
		"a quantum in the month":   {tariff.Purchase{Tender: 2000, Month: 100}, true},
		"part of a quantum":        {tariff.Purchase{Tender: 2000, Month: 99}, false},
		"a month below zero":       {tariff.Purchase{Tender: 2000, Month: -100}, false},
		"a free quantum":           {tariff.Purchase{Tender: 2000, Free: 100}, true},
		"part of a free quantum":   {tariff.Purchase{Tender: 2000, Free: 199}, false},
		"free units below zero":    {tariff.Purchase{Tender: 2000, Free: -100}, false},
		"a charge of the largest":  {tariff.Purchase{Tender: most, Charges: []tariff.Charge{fee}}, true},
		"a charge of another mode": {tariff.Purchase{Tender: 2000, Charges: []tariff.Charge{{Mode: "half", Outstanding: 1}}}, false},
	} {
		c.p.Body = body("KES", 1500, tariff.Block{Rate: 100_000_000})
		a, err := tariff.Allocate(c.p)
		if (err == nil) != c.ok || a.Refused() {
			t.Errorf("%s: error %v, refusal %q; want an error: %t", name, err, a.Detail(), !c.ok)
		}
	}
}

func TestOneSaleCarriesSoManyUnits(t *testing.T) {
	for _, c := range []struct {
		most, free unit.Energy
		says       string
	}{
		{0, 0, ""}, {34_700, 0, ""}, {34_600, 0, "100.00 KES buys more than the 34.6 kWh that one sale can carry."},
		{84_700, 50_000, ""}, {84_600, 50_000, "100.00 KES buys more than the 84.6 kWh that one sale can carry."},
		{1, 0, "100.00 KES buys more than the 0.0 kWh that one sale can carry."},
	} {
		a, err := tariff.Allocate(tariff.Purchase{Body: flat(), Tender: 10_000, MaxUnits: c.most, Free: c.free})
		want := refusal.Refusal{}
		if c.says != "" {
			want = refusal.Refusal{Code: refusal.VendTooLarge, What: c.says, Not: "No money was taken and no token was made.", Try: "Split it into several purchases."}
		}
		if err != nil || !reflect.DeepEqual(said(a.Refusal), want) {
			t.Errorf("34.7 kWh and %d Wh free, at most %d Wh: %+v (%v), want %+v", c.free, c.most, a.Refusal, err, want)
		}
	}
	// The largest possible sale is 1,000 GWh. At a price of one millionth per kilowatt-hour it costs 1,000.00.
	cheap := body("KES", 0, tariff.Block{Rate: 1})
	if a, err := tariff.Allocate(tariff.Purchase{Body: cheap, Tender: 100_000}); err != nil || a.Units != 1_000_000_000_000 {
		t.Errorf("1,000.00 at a millionth buys %d Wh, %q (%v); want 1,000 GWh", a.Units, a.Detail(), err)
	}
	for _, tender := range []money.Minor{100_001, money.MaxMinor} {
		a, err := tariff.Allocate(tariff.Purchase{Body: cheap, Tender: tender})
		if err != nil || a.Code != refusal.VendTooLarge || a.Units != 0 {
			t.Errorf("%d at a millionth: %d Wh, %q (%v), want %s", tender, a.Units, a.Code, err, refusal.VendTooLarge)
		}
	}
	a, err := tariff.Allocate(tariff.Purchase{Body: cheap, Tender: 100_001})
	if want := "1000.01 KES buys more energy than one sale can carry."; err != nil || a.What != want {
		t.Errorf("without a limit of the sale: %q (%v), want %q", a.What, err, want)
	}
}

// TestTheLeastPaymentIsNamed checks that a refusal names the least payment. That payment buys 0.1 kWh, and a payment that is one minor unit
// smaller does not.
func TestTheLeastPaymentIsNamed(t *testing.T) {
	free := ibt()
	free.Free = tariff.Free{Units: 50_000, Apart: true}
	for _, c := range []struct {
		name         string
		body         tariff.Body
		month        unit.Energy
		carry, least money.Minor
	}{
		{"flat", flat(), 0, 0, 29}, // 28.75
		{"flat and nearest", rounded(flat(), tariff.Nearest), 0, 0, 15},
		{"flat and income", rounded(flat(), tariff.Income), 0, 0, 29},
		{"with levies", levied(), 0, 0, 31}, // 30.4875
		{"first block", ibt(), 0, 0, 14},    // 13.8
		{"its last quantum", ibt(), 49_900, 0, 14},
		{"second block", ibt(), 50_000, 0, 19}, // 18.4
		{"last block", ibt(), 600_000, 0, 32},  // 31.625
		{"with a carry", ibt(), 600_000, 31, 1},
		{"no decimals", body("UGX", 1800, tariff.Block{Rate: 805_000_000}), 0, 0, 95}, // 94.99
		{"three decimals", body("TND", 1900, tariff.Block{Rate: 181_000}), 0, 0, 22},  // 21.539
	} {
		p := tariff.Purchase{Body: c.body, Month: c.month, Carry: c.carry, Tender: c.least - 1}
		cur, _ := money.CurrencyOf(c.body.Currency)
		a, err := tariff.Allocate(p)
		if want := "Pay at least " + money.Format(c.least, cur) + " " + cur.Code + "."; err != nil || a.Code != refusal.VendTooSmall || a.Try != want {
			t.Errorf("%s: %d is answered %q (%v), want %q", c.name, p.Tender, a.Detail(), err, want)
		}
		p.Tender++
		if a, err = tariff.Allocate(p); err != nil || a.Refused() || a.Units != 100 {
			t.Errorf("%s: %d buys %d Wh (%q, %v), want 100", c.name, p.Tender, a.Units, a.Detail(), err)
		}
	}
}

// said returns a refusal without the name and the arguments of its text.
func said(r refusal.Refusal) refusal.Refusal {
	r.Text, r.Args = "", nil
	return r
}

func TestRefusedPaymentsSayWhy(t *testing.T) {
	const moved = "No money was taken and no token was made."
	fee := tariff.Charge{Kind: tariff.Fee, Mode: tariff.Amount, Amount: 990, Endless: true}
	ends := body("KES", 0, tariff.Block{UpTo: 100, Rate: 1_000_000}) // not possible in a published tariff
	tou, first := weekly(), levyOn(math.MaxInt64, false)             // its first block has a price of more than 64 bits
	first.Blocks = []tariff.Block{{UpTo: 100, Rate: math.MaxInt64}, {Rate: 1_000_000}}
	for _, c := range []struct {
		p              tariff.Purchase
		code           refusal.Code
		what, not, try string
	}{
		{tariff.Purchase{Body: flat(), Tender: 28}, refusal.VendTooSmall, "0.28 KES buys less than 0.1 kWh.", moved, "Pay at least 0.29 KES."},
		{tariff.Purchase{Body: flat(), Tender: 20, Carry: 8}, refusal.VendTooSmall,
			"0.20 KES with 0.08 KES of change carried forward buys less than 0.1 kWh.", moved, "Pay at least 0.21 KES."},
		{tariff.Purchase{Body: flat(), Tender: 27, Carry: 1}, refusal.VendTooSmall,
			"0.27 KES with 0.01 KES of change carried forward buys less than 0.1 kWh.", moved, "Pay at least 0.28 KES."},
		{tariff.Purchase{Body: flat(), Tender: 1000, Charges: []tariff.Charge{fee}}, refusal.VendTooSmall,
			"Of 10.00 KES, 9.90 KES would go to charges and debts. The rest would buy less than 0.1 kWh.", moved,
			"Pay more, so that money is left for energy."},
		{tariff.Purchase{Body: ends, Tender: 5, Month: 100}, refusal.VendTooSmall, "0.05 KES buys less than 0.1 kWh.", moved, "Pay more."},
		{tariff.Purchase{Body: tou, Tender: 5}, refusal.TariffInvalid,
			"A tariff by time of use cannot price a token. It is not known when the units will be used.", "No changes were made, no money was taken and no token was made.",
			"For token meters, use a flat price or blocks, with a new version for each season. Keep this tariff for wallet meters."},
		{tariff.Purchase{Body: first, Tender: 5000}, refusal.VendTooLarge,
			"50.00 KES buys more energy than one sale can carry.", moved, "Split it into several purchases."},
	} {
		a, err := tariff.Allocate(c.p)
		a.Refusal = said(a.Refusal)
		if want := (refusal.Refusal{Code: c.code, What: c.what, Not: c.not, Try: c.try}); err != nil || !reflect.DeepEqual(a, tariff.Allocation{Refusal: want}) {
			t.Errorf("%d on %s: %+v (%v), want only the refusal %+v", c.p.Tender, c.p.Body.Currency, a, err, want)
		}
	}
}

func TestTariffsWithoutAPriceForTokensSayWhy(t *testing.T) {
	time, seasons := flat(), tariff.Body{Currency: "KES", Seasons: monthly(2)}
	onlyTime(&time)
	for what, b := range map[string]tariff.Body{
		"A tariff that charges only for time cannot price a token. Its units would be free.":                  time,
		"A tariff by time of use cannot price a token. It is not known when the units will be used.":          weekly(),
		"A tariff with seasons cannot price a token. It is not known in which season the units will be used.": seasons,
	} {
		want := refusal.Refusal{Code: refusal.TariffInvalid, What: what, Not: "No changes were made, no money was taken and no token was made.", Try: "For token meters, use a flat price or blocks, with a new version for each season. Keep this tariff for wallet meters."}
		if got := said(b.ForTokens()); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	for name, b := range map[string]tariff.Body{"flat": flat(), "blocks": ibt(), "levies": levied()} {
		if got := b.ForTokens(); got.Refused() {
			t.Errorf("%s: %s", name, got.Detail())
		}
	}
}

// TestChargesAreTracedRuleByRule checks that with Trace a deduction names each rule that changed it, and always the first rule.
func TestChargesAreTracedRuleByRule(t *testing.T) {
	type bounds = []tariff.Bound
	for _, c := range []struct {
		name   string
		charge tariff.Charge
		want   bounds
	}{
		{"percent", tariff.Charge{Mode: tariff.Percent, Percent: 155, Endless: true}, bounds{{tariff.AskPercent, 154}}},
		{"amount", tariff.Charge{Mode: tariff.Amount, Amount: 250, Endless: true}, bounds{{tariff.AskAmount, 250}}},
		{"outstanding", tariff.Charge{Mode: tariff.Full, Outstanding: 321}, bounds{{tariff.AskOutstanding, 321}}},
		{"at least", tariff.Charge{Mode: tariff.Percent, Min: 5, Outstanding: 5}, bounds{{tariff.AskPercent, 0}, {tariff.AtLeast, 5}}},
		{"at most 1", tariff.Charge{Mode: tariff.Amount, Amount: 2, Max: 1, Endless: true}, bounds{{tariff.AskAmount, 2}, {tariff.AtMost, 1}}},
		{"1 a month", tariff.Charge{Mode: tariff.Amount, Amount: 2, MonthCap: 1, Endless: true}, bounds{{tariff.AskAmount, 2}, {tariff.MonthLimit, 1}}},
		{"every rule", tariff.Charge{Mode: tariff.Percent, Percent: 100, Min: 9000, Max: 8900, MonthCap: 9500, Taken: 800, Outstanding: 8600, Capped: true},
			bounds{{tariff.AskPercent, 99}, {tariff.AtLeast, 9000}, {tariff.AtMost, 8900}, {tariff.MonthLimit, 8700},
				{tariff.NotMoreThanDue, 8600}, {tariff.Ceiling, 6999}}}, // 70 % of 9 999
		{"what is left", tariff.Charge{Mode: tariff.Amount, Amount: 10_000, Endless: true}, bounds{{tariff.AskAmount, 10_000}, {tariff.WhatIsLeft, 9999}}},
	} {
		p := tariff.Purchase{Body: flat(), Tender: 9999, Charges: []tariff.Charge{c.charge}, ChargesOnly: true, Trace: true}
		a, err := tariff.Allocate(p)
		if err != nil || len(a.Deductions) != 1 {
			t.Errorf("%s: %+v (%v), want one deduction", c.name, a, err)
			continue
		}
		d, last := a.Deductions[0], c.want[len(c.want)-1].Amount
		if !reflect.DeepEqual(d.Bounds, c.want) || d.Gross != last {
			t.Errorf("%s: %d by %v, want %v", c.name, d.Gross, d.Bounds, c.want)
		}
		p.Trace = false
		if a, err = tariff.Allocate(p); err != nil || a.Deductions[0].Bounds != nil || a.Deductions[0].Gross != last {
			t.Errorf("%s without a trace: %+v (%v), want %d and no rule", c.name, a.Deductions, err, last)
		}
	}
}

// TestChargesArePaidInTheirOrder checks the order of priorities: fee 10, fixed charges 20, and debts 30 unless they set another priority.
// Of two charges with the same priority the older comes first. Charges of the same age are paid in the order of the list.
func TestChargesArePaidInTheirOrder(t *testing.T) {
	if got, want := fmt.Sprint(tariff.FeePriority, tariff.FixedPriority, tariff.DebtPriority), "10 20 30"; got != want {
		t.Errorf("places of fee, fixed charges and debts = %s, want %s", got, want)
	}
	charge := func(ref string, priority int, since time.Month, capped bool) tariff.Charge {
		return tariff.Charge{Ref: ref, Priority: priority, Since: time.Date(2026, since, 1, 0, 0, 0, 0, time.UTC), Mode: tariff.Full, Outstanding: 300, Capped: capped}
	}
	p := tariff.Purchase{Body: flat(), Tender: 1000, Carry: 5000, MaxDeduction: 5000, Charges: []tariff.Charge{
		charge("young", 30, 5, true), charge("old", 30, 2, true), charge("same", 30, 5, false), charge("first", 1, 9, false), charge("last", 31, 1, true)}}
	for _, c := range []struct {
		ceiling money.Bps
		fee     tariff.VendFee
		want    string
	}{
		{5000, tariff.VendFee{}, "first 300, old 300, young 200, same 200, "}, // 500 for capped charges, 1000 in all
		{0, tariff.VendFee{}, "first 300, old 300, young 300, same 100, "},    // the tariff's 60 %
		{5000, tariff.VendFee{Amount: 100, Untaxed: true}, "first 300,  100, old 300, young 200, same 100, "},
		{5000, tariff.VendFee{Amount: 100, Untaxed: true, Priority: 31}, "first 300, old 300, young 200, same 200, "},
		{5000, tariff.VendFee{Amount: 1, Untaxed: true, Priority: 1}, " 1, first 300, old 300, young 200, same 199, "},
	} {
		p.MaxDeduction, p.Body.MaxDeduction, p.Body.Fee = c.ceiling, 6000, c.fee
		a, err := tariff.Allocate(p)
		got := ""
		for _, d := range a.Deductions {
			got += fmt.Sprintf("%s %d, ", d.Charge.Ref, d.Gross)
		}
		if err != nil || a.Refused() || got != c.want {
			t.Errorf("ceiling %d, fee %+v: %s (%q, %v), want %s", c.ceiling, c.fee, got, a.Detail(), err, c.want)
		}
	}
}

// TestEachRoundingKeepsItsRest checks what happens to money that is too little for a whole 0.1 kWh. One payment buys energy, the other one
// buys none.
func TestEachRoundingKeepsItsRest(t *testing.T) {
	fee := []tariff.Charge{{Kind: tariff.Fee, Mode: tariff.Amount, Amount: 90, Endless: true}}
	for _, c := range []struct {
		rounding tariff.Rounding
		tender   money.Minor
		want     string // units, gross, levies, tax, net, carry
	}{
		{"", 1000, "2900 884 [36 9] 114 725 26"}, {tariff.Carry, 1000, "2900 884 [36 9] 114 725 26"},
		{tariff.Nearest, 1000, "3000 910 [38 9] 118 745 0"}, {tariff.Income, 1000, "2900 910 [36 9] 118 747 0"},
		{"", 100, "0 0 [] 0 0 10"}, {tariff.Carry, 100, "0 0 [] 0 0 10"}, {tariff.Nearest, 100, "0 0 [] 0 0 10"}, {tariff.Income, 100, "0 0 [] 0 0 10"},
	} {
		a, err := tariff.Allocate(tariff.Purchase{Body: rounded(levied(), c.rounding), Tender: c.tender, Charges: fee, ChargesOnly: true})
		levies := []money.Minor{}
		for _, l := range a.Levies {
			levies = append(levies, l.Amount)
		}
		if got := fmt.Sprint(int64(a.Units), a.Gross, levies, a.VAT, a.Net, a.CarryOut); err != nil || a.Refused() || got != c.want {
			t.Errorf("%d with rounding %q: units, gross, levies, tax, net, carry = %s (%q, %v), want %s", c.tender, c.rounding, got, a.Detail(), err, c.want)
		}
	}
}

// TestStepsShareTheNetAmount checks how the net amount is divided: the sum up to each step is rounded half up, and the last step gets the
// rest.
func TestStepsShareTheNetAmount(t *testing.T) {
	b := body("KES", 0, tariff.Block{UpTo: 100, Rate: 55_000}, tariff.Block{UpTo: 200, Rate: 50_000}, tariff.Block{Rate: 45_000})
	a, err := tariff.Allocate(tariff.Purchase{Body: b, Tender: 2})
	want := []tariff.Step{{Units: 100, Rate: 55_000, Net: 1}, {Units: 100, Rate: 50_000, Net: 0}, {Units: 200, Rate: 45_000, Net: 1}}
	if err != nil || !reflect.DeepEqual(a.Steps, want) || a.Units != 400 || a.Net != 2 {
		t.Errorf("steps %+v (%v), want %+v", a.Steps, err, want)
	}
}
