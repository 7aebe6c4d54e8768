package tariff_test

import (
	"errors"
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

// levied has a taxed levy of 5 % and an untaxed one of 0.03: a kilowatt-hour at 2.50 costs (2.50 + 0.125)·1.15 + 0.03 = 3.04875.
func levied() tariff.Body {
	b := flat()
	b.Levies = []tariff.Levy{{Name: "rural", Percent: 500}, {Name: "regulator", Rate: 30_000, Untaxed: true}}
	return b
}

func TestADebitIsSplitIntoLeviesTaxAndEnergy(t *testing.T) {
	halves := flat()
	halves.Levies = []tariff.Levy{{Name: "a", Rate: 5000, Untaxed: true}, {Name: "b", Rate: 5000, Untaxed: true}, {Name: "c", Rate: 5000}, {Name: "d", Rate: 5000}}
	for _, c := range []struct {
		name  string
		body  tariff.Body
		debit money.Minor
		parts []tariff.Part
		want  string // levies, tax and energy
	}{
		{"no levy", flat(), 10_005, []tariff.Part{{Units: 34_800, Rate: 2_500_000}}, "[] 1305 8700"},
		{"1 kWh", levied(), 304, []tariff.Part{{Units: 1000, Rate: 2_500_000}}, "[13 3] 39 249"},
		{"two rates", levied(), 500, []tariff.Part{{Units: 1000, Rate: 2_500_000}, {Name: "off", Units: 2000, Rate: 1_000_000}}, "[23 9] 64 404"},
		{"levies take no more than there is", levied(), 2, []tariff.Part{{Units: 1000, Rate: 2_500_000}}, "[0 2] 0 0"},
		{"taxed levies take no more than the tax leaves", levied(), 10, []tariff.Part{{Units: 1000, Rate: 2_500_000}}, "[6 3] 1 0"},
		{"half a minor unit four times is two", halves, 290, []tariff.Part{{Units: 1000, Rate: 2_500_000}}, "[1 0 1 0] 38 250"},
		{"nothing", levied(), 0, nil, "[0 0] 0 0"},
	} {
		s, err := c.body.SplitUse(c.debit, c.parts)
		levies := []money.Minor{}
		for i, l := range s.Levies {
			if l.Levy != c.body.Levies[i] {
				t.Errorf("%s: levy %d is %+v", c.name, i+1, l.Levy)
			}
			levies = append(levies, l.Amount)
		}
		if got := fmt.Sprint(levies, s.VAT, s.Net); err != nil || got != c.want {
			t.Errorf("%s: levies, tax and energy of %d = %s (%v), want %s", c.name, c.debit, got, err, c.want)
		}
	}
}

func TestCostsAreRoundedUpAndWhatIsAffordableDown(t *testing.T) {
	b := weekly() // 4.14 at the peak, which is 414 for a kilowatt-hour
	for units, want := range map[unit.Energy]money.Minor{0: 0, 1: 1, 2: 1, 3: 2, 1000: 414, 1001: 415} {
		if got, err := b.CostOf(units); err != nil || got != want {
			t.Errorf("%d Wh cost at most %d (%v), want %d", units, got, err, want)
		}
	}
	if got, err := levied().CostOf(1000); err != nil || got != 305 {
		t.Errorf("1 kWh with levies costs at most %d (%v), want 305", got, err)
	}
	const cent = 100_000_000_000 // a cent in the units of a rest
	cheap := body("KES", 0, tariff.Block{Rate: 1})
	for _, c := range []struct {
		name      string
		body      tariff.Body
		available money.Minor
		rest      int64
		want      unit.Energy
	}{
		{"nothing", b, 0, 0, 0}, {"less than nothing", b, -1, 0, 0}, {"an unknown currency", body("XYZ", 0, tariff.Block{Rate: 1}), 1, 0, 0},
		{"a cent", b, 1, 0, 2}, {"a cent less what 1 Wh cost", b, 1, 41_400_000_000, 1}, {"a cent less what 2 Wh cost", b, 1, 2 * 41_400_000_000, 0},
		{"exactly a kilowatt-hour", b, 414, 0, 1000}, {"less the least part", b, 414, 1, 999}, {"a rest below zero", b, 414, -cent, 1000},
		{"a cent that is used up", b, 1, cent, 0}, {"a rest above it", b, 1, cent + 1, 0}, {"the largest rest", b, 1, math.MaxInt64, 0},
		{"just below the end", cheap, 99_999, 0, 999_990_000_000}, {"the end", cheap, 100_000, 0, 1_000_000_000_000},
		{"beyond the end", cheap, 100_001, 0, 1_000_000_000_000}, {"more than 64 bits of energy", cheap, math.MaxInt64, 0, 1_000_000_000_000},
	} {
		if got, err := c.body.AffordableLess(c.available, c.rest); err != nil || got != c.want {
			t.Errorf("%s: %d less %d affords %d Wh (%v), want %d", c.name, c.available, c.rest, got, err, c.want)
		}
	}
}

func TestTheExactCostOfStepsIsDerived(t *testing.T) {
	b := levied()
	levies := func(percent money.MicroRate) []tariff.LevyRate {
		return []tariff.LevyRate{{Levy: b.Levies[0], Rate: percent}, {Levy: b.Levies[1], Rate: 30_000}}
	}
	costs, sum, err := b.Costs([]tariff.Step{{Units: 50_000, Rate: 1_200_000}, {Units: 100, Rate: 1_600_000}}, 300)
	want := []tariff.Cost{
		{From: 300, Units: 50_000, Rate: 1_200_000, Levies: levies(60_000), Gross: "1.479", Amount: "73.95"},
		{From: 50_300, Units: 100, Rate: 1_600_000, Levies: levies(80_000), Gross: "1.962", Amount: "0.1962"}}
	if err != nil || !reflect.DeepEqual(costs, want) || sum != "74.1462" {
		t.Errorf("costs = %+v, sum %s (%v); want %+v, sum 74.1462", costs, sum, err, want)
	}
	for _, c := range []struct {
		body          tariff.Body
		step          tariff.Step
		gross, amount string
	}{
		{body("KES", 0, tariff.Block{Rate: 1}), tariff.Step{Units: 100, Rate: 1}, "0.000001", "0.0000001"},
		{body("KES", 1, tariff.Block{Rate: 1}), tariff.Step{Units: 1, Rate: 1}, "0.0000010001", "0.0000000010001"},
		{flat(), tariff.Step{Units: 1000, Rate: 20_000_000}, "23", "23"},
		{flat(), tariff.Step{Units: 10_000, Rate: 1_000_000}, "1.15", "11.5"},
	} {
		costs, sum, err := c.body.Costs([]tariff.Step{c.step}, 0)
		if err != nil || len(costs) != 1 || costs[0].Gross != c.gross || costs[0].Amount != c.amount || sum != c.amount || costs[0].Levies != nil {
			t.Errorf("%+v costs %+v, sum %s (%v); want %s per kWh and %s", c.step, costs, sum, err, c.gross, c.amount)
		}
	}
	if costs, sum, err := b.Costs(nil, 0); err != nil || costs != nil || sum != "0" {
		t.Errorf("no step costs %+v, sum %q (%v); want 0", costs, sum, err)
	}
}

func TestFixedChargesOfSomeDaysHaveTheirTax(t *testing.T) {
	b := flat()
	b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 9800, Per: tariff.PerMonth}, {Name: "lamp", Amount: 5, Per: tariff.PerDay, Untaxed: true}}
	// 11270·days/31, rounded down, and 5 a day.
	for days, want := range map[int]money.Minor{1: 363 + 5, 2: 727 + 10, 27: 9815 + 135, 28: 10_179 + 140, 29: 10_179 + 140, 366: 10_179 + 140} {
		if got, err := b.DaysOf(days); err != nil || got != want {
			t.Errorf("%d days = %d (%v), want %d", days, got, err, want)
		}
	}
	if got, err := flat().DaysOf(3); err != nil || got != 0 {
		t.Errorf("3 days without a fixed charge = %d (%v), want 0", got, err)
	}
	lamp := b.Fixed[1]
	for _, c := range []struct {
		year  int
		month time.Month
		days  int
	}{{2026, time.February, 28}, {2028, time.February, 29}, {2026, time.April, 30}, {2026, time.December, 31}} {
		if got, err := b.FixedDue(lamp, c.year, c.month, 1, c.days); err != nil || got != money.Minor(5*c.days) {
			t.Errorf("all days of %s %d = %d (%v), want %d", c.month, c.year, got, err, 5*c.days)
		}
		if got, err := b.FixedDue(lamp, c.year, c.month, 1, c.days+1); err == nil {
			t.Errorf("%d days of %s %d = %d, want an error", c.days+1, c.month, c.year, got)
		}
	}
	if taxed, free := b.FixedVAT(b.Fixed[0]), b.FixedVAT(lamp); taxed != 1500 || free != 0 {
		t.Errorf("tax in the charges = %d and %d, want 1500 and 0", taxed, free)
	}
}

func TestFundingIsRoundedHalfUp(t *testing.T) {
	b := flat()
	b.Free.Funded = 50_000 // 0.05 for a kilowatt-hour
	for units, want := range map[unit.Energy][2]money.Minor{0: {0, 0}, 99: {0, 0}, 100: {1, 0}, 299: {1, 0}, 300: {2, 0}, 600: {3, 0}, 700: {4, 1}} {
		if net, vat, err := b.Funding(units); err != nil || net != want[0] || vat != want[1] {
			t.Errorf("funding of %d Wh = %d and %d (%v), want %v", units, net, vat, err, want)
		}
	}
}

func TestRechargesKeepTheTariffsBounds(t *testing.T) {
	b := flat()
	b.MinVend, b.MaxVend = 500, 100_000
	for tender, want := range map[money.Minor]refusal.Refusal{
		500: {}, 100_000: {},
		0:       refusal.Refusal{Code: refusal.VendTooSmall, What: "0.00 KES is below the smallest purchase of 5.00 KES.", Not: "No money was taken and no token was made.", Try: "Pay at least 5.00 KES."},
		499:     refusal.Refusal{Code: refusal.VendTooSmall, What: "4.99 KES is below the smallest purchase of 5.00 KES.", Not: "No money was taken and no token was made.", Try: "Pay at least 5.00 KES."},
		100_001: refusal.Refusal{Code: refusal.VendTooLarge, What: "1000.01 KES is above the largest purchase of 1000.00 KES.", Not: "No money was taken and no token was made.", Try: "Pay at most 1000.00 KES at a time."},
	} {
		if got := said(b.Bounds(tender)); !reflect.DeepEqual(got, want) {
			t.Errorf("a recharge of %d: %+v, want %+v", tender, got, want)
		}
	}
	if no := flat().Bounds(money.MaxMinor); no.Refused() {
		t.Errorf("a tariff without a largest purchase: %s", no.Detail())
	}
	b.MaxVend = 1
	b.MinVend = 0
	if no := b.Bounds(2); no.Code != refusal.VendTooLarge {
		t.Errorf("2 of at most 1: %q", no.Code)
	}
}

// fails reports calls that return no error.
func fails(t *testing.T, calls map[string]func() error) {
	t.Helper()
	for name, call := range calls {
		if err := call(); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

const huge = math.MaxInt64

// unknown is a tariff in an unknown currency.
func unknown() tariff.Body { return body("XYZ", 1500, tariff.Block{Rate: 2_500_000}) }

// dear is a tariff with so high a rate that only the cost of small amounts of energy fits into 64 bits.
func dear() tariff.Body { return body("KES", 0, tariff.Block{Rate: huge / 10_000}) }

// taxedBelowZero is a tariff with a negative tax, which no tariff may have.
func taxedBelowZero() tariff.Body { return body("KES", -1, tariff.Block{Rate: 2_500_000}) }

// levyOn is a tariff with a levy of twice its price.
func levyOn(rate money.MicroRate, untaxed bool) tariff.Body {
	b := body("KES", 0, tariff.Block{Rate: rate})
	b.Levies = []tariff.Levy{{Name: "double", Percent: 20_000, Untaxed: untaxed}}
	return b
}

// service is a tariff with a fixed charge. If the charge is huge, its tax overflows.
func service(amount money.Minor) tariff.Body {
	b := body("KES", 20_000, tariff.Block{Rate: 2_500_000})
	b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: amount, Per: tariff.PerMonth}}
	return b
}

// use returns n parts of energy at the rate of the tariff [dear]. The energy of each part is the largest number of 64 bits.
func use(n int) (parts []tariff.Part) {
	for range n {
		parts = append(parts, tariff.Part{Units: huge, Rate: huge / 10_000})
	}
	return parts
}

func TestUseThatDoesNotFitIsAnError(t *testing.T) {
	dearest := []tariff.Part{{Units: 1, Rate: huge}}
	all := body("KES", 0)
	all.Levies = []tariff.Levy{{Name: "all", Percent: 10_000, Untaxed: true}}
	at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	split := func(b tariff.Body, debit money.Minor, parts []tariff.Part) func() error {
		return func() error { _, err := b.SplitUse(debit, parts); return err }
	}
	cost := func(b tariff.Body, units unit.Energy) func() error {
		return func() error { _, err := b.CostOf(units); return err }
	}
	again := func(b tariff.Body, parts []tariff.Part) func() error {
		return func() error { _, _, err := b.UseCost(parts); return err }
	}
	rate := func(b tariff.Body, units unit.Energy) func() error {
		return func() error {
			_, _, err := b.Rate(tariff.RatingState{}, time.UTC, tariff.Use{From: at, To: at, Units: units})
			return err
		}
	}
	fails(t, map[string]func() error{
		"a debit below zero":                   split(flat(), -1, nil),
		"a debit in an unknown currency":       split(unknown(), 1, nil),
		"a debit with a tax below zero":        split(taxedBelowZero(), 1, nil),
		"a debit with a taxed levy":            split(levyOn(huge, false), 1, dearest),
		"a debit with an untaxed levy":         split(levyOn(huge, true), 1, dearest),
		"a levy of more than 64 bits":          split(all, 1, use(1)),
		"a levy of more than 128 bits":         split(all, 1, use(5)),
		"the cost of less than nothing":        cost(flat(), -1),
		"a cost in an unknown currency":        cost(unknown(), 1),
		"a cost with a levy":                   cost(levyOn(huge, false), 1),
		"a cost of more than 64 bits":          cost(dear(), huge),
		"a second cost in no currency":         again(unknown(), nil),
		"a second cost with a levy":            again(levyOn(huge, false), dearest),
		"a second cost of more than 64 bits":   again(dear(), use(1)),
		"a second cost of more than 128 bits":  again(dear(), use(5)),
		"a rate in an unknown currency":        rate(unknown(), 1),
		"a rate with a levy":                   rate(levyOn(huge, false), 1),
		"a rate of more than 64 bits":          rate(dear(), huge),
		"what a levy leaves of the affordable": func() error { _, err := levyOn(huge, false).AffordableLess(1, 0); return err },
		"the exact cost with a levy": func() error {
			_, _, err := levyOn(huge, false).Costs([]tariff.Step{{Units: 1, Rate: huge}}, 0)
			return err
		},
	})
}

func TestChargesThatDoNotFitAreErrors(t *testing.T) {
	funded := func(b tariff.Body, rate money.MicroRate, units unit.Energy) func() error {
		b.Free.Funded = rate
		return func() error { _, _, err := b.Funding(units); return err }
	}
	bill := func(b tariff.Body, units unit.Energy) func() error {
		return func() error { _, err := b.Bill(tariff.MonthUse{Month: "2026-11", Units: units}, time.UTC); return err }
	}
	fixed := func(f tariff.FixedCharge, from, to int) func() error {
		return func() error { _, err := service(huge).FixedDue(f, 2026, time.November, from, to); return err }
	}
	sell := func(b tariff.Body, fee money.Minor, charges ...tariff.Charge) func() error {
		b.Fee.Amount = fee
		return func() error {
			_, err := tariff.Allocate(tariff.Purchase{Body: b, Tender: 1000, Charges: charges})
			return err
		}
	}
	feed := service(1)
	feed.Fixed, feed.Fee.Amount = nil, huge
	taxedService := taxedBelowZero()
	taxedService.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerMonth}}
	reduced := dear() // the negative tax makes the bill small enough; without the tax it is too large
	reduced.VATBps = -9999
	fails(t, map[string]func() error{
		"the days of a fixed charge":      func() error { _, err := service(huge).DaysOf(1); return err },
		"a charge per month":              fixed(tariff.FixedCharge{Amount: huge, Per: tariff.PerMonth}, 1, 1),
		"a charge per day":                fixed(tariff.FixedCharge{Amount: huge, Per: tariff.PerDay}, 1, 1),
		"the day before a charge per day": fixed(tariff.FixedCharge{Amount: 1 << 62, Per: tariff.PerDay}, 2, 4),
		"funding of less than nothing":    funded(flat(), 1, -1),
		"funding in an unknown currency":  funded(unknown(), 1, 1),
		"funding of more than 64 bits":    funded(flat(), huge/10_000, huge),
		"the tax of funding":              funded(service(1), huge/100_000, 7_000_000_000_000),
		"a bill of more than 64 bits":     bill(dear(), huge),
		"a bill without its tax":          bill(reduced, 1_000_000_000_000),
		"a bill with a fixed charge":      bill(service(huge), 0),
		"a bill with a charge's tax":      bill(taxedService, 0),
		"a bill with a fee":               bill(feed, 0),
		"a sale with a tax below zero":    sell(taxedBelowZero(), 0),
		"a sale with a fee":               sell(service(1), huge),
		"a sale with a charge's tax":      sell(flat(), 0, tariff.Charge{Mode: tariff.Amount, Amount: 1, Endless: true, VATBps: -1}),
		"a sale with a charge of no mode": sell(flat(), 0, tariff.Charge{Outstanding: 1}),
		"a comparison of what does not fit": func() error {
			_, err := tariff.Compare(flat(), dear(), []tariff.MonthUse{{Month: "2026-11", Units: huge / 1000}}, time.UTC, 1)
			return err
		},
	})
	if _, err := unknown().Bill(tariff.MonthUse{Month: "2026-11"}, time.UTC); !errors.Is(err, tariff.ErrUse) {
		t.Errorf("a bill in an unknown currency: %v, want %v", err, tariff.ErrUse)
	}
}
