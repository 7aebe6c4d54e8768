package tariff_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

func TestUseMayLast400Days(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for span, ok := range map[time.Duration]bool{0: true, 400 * 24 * time.Hour: true, 400*24*time.Hour + 1: false, -1: false} {
		_, got, err := flat().Rate(tariff.RatingState{}, time.UTC, tariff.Use{From: from, To: from.Add(span), Units: 1000})
		if (err == nil) != ok || err != nil && !errors.Is(err, tariff.ErrUse) || ok && got.Debit != 287 {
			t.Errorf("1 kWh in %s costs %d (%v), want 287: %t", span, got.Debit, err, ok)
		}
	}
	if _, got, err := flat().Rate(tariff.RatingState{}, time.UTC, tariff.Use{From: from, To: from}); err != nil || !reflect.DeepEqual(got, tariff.Rated{}) {
		t.Errorf("no energy costs %+v (%v), want nothing", got, err)
	}
}

// TestTheMeterKeepsTheMonthAndTheRest checks the state after each report. A failed report changes nothing.
func TestTheMeterKeepsTheMonthAndTheRest(t *testing.T) {
	zone := nairobi(t)
	at := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, zone)
	}
	seasonal := tariff.Body{Currency: "KES", Seasons: []tariff.Season{
		{Name: "dry", From: tariff.MonthDay{Month: 6, Day: 11}, Blocks: []tariff.Block{{UpTo: 1000, Rate: 1_000_000}, {Rate: 2_000_000}}},
		{Name: "wet", From: tariff.MonthDay{Month: 6, Day: 21}, Blocks: []tariff.Block{{UpTo: 1000, Rate: 3_000_000}, {Rate: 4_000_000}}}}}
	for _, c := range []struct {
		name     string
		body     tariff.Body
		meter    tariff.RatingState
		from, to time.Time
		units    unit.Energy
		want     string // debit, parts, estimated
		after    tariff.RatingState
	}{
		{"time of use counts too", weekly(), tariff.RatingState{Month: "2026-11", Used: 500}, at(11, 18, 10), at(11, 18, 11), 830,
			"200 [{standard 0.830 kWh 2100000}] false", tariff.RatingState{Rest: 44_500_000_000, Month: "2026-11", Used: 1330}},
		{"one price on both sides of midnight", weekly(), tariff.RatingState{}, at(11, 22, 22), at(11, 23, 2), 1000,
			"143 [{off 1.000 kWh 1250000}] false", tariff.RatingState{Rest: 75_000_000_000, Month: "2026-11", Used: 1000}},
		{"a rest that fills up", flat(), tariff.RatingState{Rest: 50_000_000_000}, at(11, 18, 10), at(11, 18, 11), 1000,
			"288 [{ 1.000 kWh 2500000}] false", tariff.RatingState{Month: "2026-11", Used: 1000}},
		{"flat over the month's end", flat(), tariff.RatingState{Month: "2026-11", Used: 700}, at(11, 30, 23), at(12, 1, 1), 999,
			"287 [{ 0.999 kWh 2500000}] false", tariff.RatingState{Rest: 21_250_000_000, Month: "2026-12", Used: 500}},
		{"up to a block's limit", ibt(), tariff.RatingState{Month: "2026-11", Used: 49_000}, at(11, 18, 10), at(11, 18, 11), 1000,
			"138 [{ 1.000 kWh 1200000}] false", tariff.RatingState{Month: "2026-11", Used: 50_000}},
		{"from a block's limit", ibt(), tariff.RatingState{Month: "2026-11", Used: 50_000}, at(11, 18, 10), at(11, 18, 11), 1000,
			"184 [{ 1.000 kWh 1600000}] false", tariff.RatingState{Month: "2026-11", Used: 51_000}},
		{"through every block", ibt(), tariff.RatingState{Month: "2026-11", Used: 49_999}, at(11, 18, 10), at(11, 18, 11), 550_002,
			"121325 [{ 0.001 kWh 1200000} { 300.000 kWh 1600000} { 250.000 kWh 2300000} { 0.001 kWh 2750000}] false",
			tariff.RatingState{Rest: 45_425_000_000, Month: "2026-11", Used: 600_001}},
		{"blocks over the month's end at one price", ibt(), tariff.RatingState{}, at(11, 30, 23), at(12, 1, 1), 1000,
			"138 [{ 1.000 kWh 1200000}] true", tariff.RatingState{Month: "2026-12", Used: 500}},
		{"the day before a season within a month", seasonal, tariff.RatingState{Month: "2026-06"}, at(6, 10, 0), at(6, 11, 0), 800,
			"240 [{ 0.800 kWh 3000000}] false", tariff.RatingState{Month: "2026-06", Used: 800}},
		{"two seasons that begin within a month", seasonal, tariff.RatingState{Month: "2026-06", Used: 400}, at(6, 10, 0), at(6, 22, 0), 2400,
			"500 [{ 0.200 kWh 3000000} { 0.400 kWh 1000000} { 1.600 kWh 2000000} { 0.200 kWh 4000000}] true",
			tariff.RatingState{Month: "2026-06", Used: 2800}},
		{"from another month", ibt(), tariff.RatingState{Month: "2026-10", Used: 50_000}, at(11, 1, 0), at(11, 1, 1), 1000,
			"138 [{ 1.000 kWh 1200000}] false", tariff.RatingState{Month: "2026-11", Used: 1000}},
	} {
		after, got, err := c.body.Rate(c.meter, zone, tariff.Use{From: c.from, To: c.to, Units: c.units})
		if text := fmt.Sprint(got.Debit, got.Parts, got.Estimated); err != nil || text != c.want || after != c.after {
			t.Errorf("%s: %s, then %+v (%v); want %s, then %+v", c.name, text, after, err, c.want, c.after)
		}
	}
	before := tariff.RatingState{Rest: 7, Month: "2026-11", Used: 5}
	use := tariff.Use{From: at(11, 18, 10), To: at(11, 18, 11), Units: -1}
	if after, got, err := flat().Rate(before, zone, use); err == nil || after != before || !reflect.DeepEqual(got, tariff.Rated{}) {
		t.Errorf("less than nothing: %+v, then %+v (%v); want an error and the meter as it was", got, after, err)
	}
}

// TestUseIsPricedAgainOnlyAtTheTariffsRates checks parts that the tariff sells and parts that it does not.
func TestUseIsPricedAgainOnlyAtTheTariffsRates(t *testing.T) {
	seasons := tariff.Body{Currency: "KES", Seasons: []tariff.Season{{Name: "dry", TOU: weekly().TOU}, {Name: "wet", Blocks: ladder(1)}}}
	for _, c := range []struct {
		body  tariff.Body
		parts []tariff.Part
		cost  money.Minor
		known bool
	}{
		{flat(), nil, 0, true}, {flat(), []tariff.Part{{Rate: 2_500_000}}, 0, true}, {flat(), []tariff.Part{{Rate: 2_500_001}}, 0, false},
		{flat(), []tariff.Part{{Units: 1000, Rate: 2_500_000}}, 287, true},
		{flat(), []tariff.Part{{Units: 1000, Rate: 2_500_000}, {Units: 1000, Rate: 2_500_000}}, 575, true},
		{flat(), []tariff.Part{{Units: -1, Rate: 2_500_000}}, 0, false},
		{flat(), []tariff.Part{{Units: 1000, Rate: 2_500_000, Name: "off"}}, 0, false},
		{weekly(), []tariff.Part{{Units: 1000, Rate: 3_600_000, Name: "peak"}}, 414, true},
		{weekly(), []tariff.Part{{Units: 1000, Rate: 3_600_000, Name: "off"}}, 0, false},
		{weekly(), []tariff.Part{{Units: 1000, Rate: 3_600_000}}, 0, false},
		{ibt(), []tariff.Part{{Units: 1000, Rate: 1_200_000}, {Units: 1000, Rate: 2_750_000}}, 454, true},
		{ibt(), []tariff.Part{{Units: 1000, Rate: 1_200_000}, {Units: 1000, Rate: 2_750_001}}, 0, false},
		{seasons, []tariff.Part{{Units: 1000, Rate: 3_600_000, Name: "peak"}, {Units: 1000, Rate: 1_000_000}}, 460, true},
		{seasons, []tariff.Part{{Units: 1000, Rate: 1_000_000, Name: "peak"}}, 0, false},
	} {
		if cost, known, err := c.body.UseCost(c.parts); err != nil || cost != c.cost || known != c.known {
			t.Errorf("%v cost %d, known %t (%v); want %d, %t", c.parts, cost, known, err, c.cost, c.known)
		}
	}
}

// TestTheDearestRateIsThatOfAnySeason checks prices in blocks, by time and in seasons.
func TestTheDearestRateIsThatOfAnySeason(t *testing.T) {
	for want, b := range map[money.MicroRate]tariff.Body{0: {}, 2_500_000: flat(), 2_750_000: ibt(), 3_600_000: weekly(),
		3_600_001: {Seasons: []tariff.Season{{TOU: weekly().TOU}, {Blocks: []tariff.Block{{Rate: 3_600_001}, {Rate: 1}}}}}} {
		if got := b.Dearest(); got != want {
			t.Errorf("dearest rate = %d, want %d", got, want)
		}
	}
}

func TestAMonthHasItsOwnLengthInABill(t *testing.T) {
	b := weekly()
	b.VATBps = 0
	b.TOU.Holidays = nil
	// The use is even over the week, which has 30 hours of peak, 45 hours of standard and 93 hours of off.
	const want = 4 * (30*360 + 45*210 + 93*125)
	if got, err := b.Bill(tariff.MonthUse{Month: "2027-02", Units: 4 * 168_000}, time.UTC); err != nil || got.Paid != want {
		t.Errorf("1 kW for the 28 days of a February costs %d (%v), want %d", got.Paid, err, want)
	}
	lamp := flat()
	lamp.VATBps = 0
	lamp.Fixed = []tariff.FixedCharge{{Name: "lamp", Amount: 5, Per: tariff.PerDay}}
	for month, days := range map[string]money.Minor{"2026-02": 28, "2028-02": 29, "2026-04": 30, "2026-12": 31} {
		if got, err := lamp.Bill(tariff.MonthUse{Month: month}, time.UTC); err != nil || got != (tariff.Bill{Paid: 5 * days, Revenue: 5 * days, Capped: true}) {
			t.Errorf("%s without use: %+v (%v), want %d", month, got, err, 5*days)
		}
	}
}

// TestABillSaysWhereTheCeilingCuts checks the ceiling of charges in a bill: they take at most 70 % of the payment, or the share that the
// tariff sets.
func TestABillSaysWhereTheCeilingCuts(t *testing.T) {
	for _, c := range []struct {
		amount   money.Minor
		ceiling  money.Bps
		uncapped bool
		want     bool
	}{
		{67_083, 0, false, false}, {67_084, 0, false, true}, {67_084, 7001, false, false}, {28_750, 5000, false, false}, {28_751, 5000, false, true},
		{67_084, 0, true, false}, {money.MaxMinor - 28_750, 0, false, true}, {money.MaxMinor - 28_749, 0, false, false},
	} {
		b := flat()
		b.MaxDeduction = c.ceiling
		b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: c.amount, Per: tariff.PerMonth, Untaxed: true, Uncapped: c.uncapped}}
		got, err := b.Bill(tariff.MonthUse{Month: "2026-11", Units: 100_000}, time.UTC)
		if want := (tariff.Bill{Paid: 28_750 + c.amount, Revenue: 25_000 + c.amount, Capped: c.want}); err != nil || got != want {
			t.Errorf("a charge of %d, ceiling %d, uncapped %t: %+v (%v), want %+v", c.amount, c.ceiling, c.uncapped, got, err, want)
		}
	}
	two := flat()
	two.Fixed = []tariff.FixedCharge{{Name: "a", Amount: 100, Per: tariff.PerMonth}, {Name: "b", Amount: 100, Per: tariff.PerMonth}}
	if got, err := two.Bill(tariff.MonthUse{Month: "2026-11", Units: 100_000}, time.UTC); err != nil || got.Capped {
		t.Errorf("two charges that are paid in full: %+v (%v)", got, err)
	}
}

func TestAComparisonIsAnsweredInFull(t *testing.T) {
	draft := flat()
	draft.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 10_000, Per: tariff.PerMonth, Untaxed: true}}
	present := flat()
	present.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerMonth, Untaxed: true}}
	uses := []tariff.MonthUse{{Meter: "b", Month: "2026-10", Units: 1000}, {Meter: "a", Month: "2026-10", Units: 100_000}, {Meter: "c", Month: "2026-10"}, {Meter: "b", Month: "2026-11", Units: 100_000}}
	c, err := tariff.Compare(present, draft, uses, time.UTC, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := apiv1.Comparison{Meters: 3, Months: 4, UnitsWh: 201_000, Losers: 3,
		PaidBeforeMinor: 28_750*2 + 287 + 400, PaidAfterMinor: 28_750*2 + 287 + 40_000,
		RevenueBeforeMinor: 25_000*2 + 250 + 400, RevenueAfterMinor: 25_000*2 + 250 + 40_000,
		CappedBefore: 1, CappedAfter: 2, CappedBeforeBps: 2500, CappedAfterBps: 5000,
		Rises: []apiv1.Rise{{Meter: "b", BeforeMinor: 29_237, AfterMinor: 49_037, RiseMinor: 19_800}, {Meter: "a", BeforeMinor: 28_850, AfterMinor: 38_750, RiseMinor: 9900}}}
	if got := c.Body(); !reflect.DeepEqual(got, want) {
		t.Errorf("comparison %+v, want %+v", got, want)
	}
	back, err := tariff.Compare(draft, present, uses, time.UTC, 5)
	if err != nil || back.Winners != 3 || back.Losers != 0 || len(back.Rises) != 0 || back.CappedBefore != 2 || back.CappedAfter != 1 {
		t.Errorf("the other way round: %+v (%v)", back, err)
	}
	if got := (tariff.Comparison{}).Body(); !reflect.DeepEqual(got, apiv1.Comparison{Rises: []apiv1.Rise{}}) {
		t.Errorf("an empty comparison is %+v", got)
	}
}

func TestComparisonsHaveTheirLimits(t *testing.T) {
	uses := make([]tariff.MonthUse, 1_000_001)
	if _, err := tariff.Compare(flat(), flat(), uses[1:], time.UTC, 1); !errors.Is(err, tariff.ErrUse) {
		t.Errorf("1,000,000 months without a name: %v, want %v of the first", err, tariff.ErrUse)
	}
	if _, err := tariff.Compare(flat(), flat(), uses, time.UTC, 1); err == nil || errors.Is(err, tariff.ErrUse) {
		t.Errorf("1,000,001 months: %v, want that there are too many", err)
	}
	uses = uses[:101]
	for i := range uses {
		uses[i] = tariff.MonthUse{Meter: fmt.Sprintf("%03d", i), Month: "2026-11", Units: 1000}
	}
	for rises, want := range map[int]int{0: 0, 1: 1, 100: 100, 101: 100, 1000: 100} {
		c, err := tariff.Compare(flat(), levied(), uses, time.UTC, rises)
		if err != nil || c.Losers != 101 || len(c.Rises) != want {
			t.Errorf("%d rises of %d (%v), want %d of 101", len(c.Rises), c.Losers, err, want)
		}
		for i, r := range c.Rises {
			if r != (tariff.Change{Meter: uses[i].Meter, Before: 287, After: 304}) {
				t.Errorf("rise %d is %+v, want meter %s from 287 to 304", i+1, r, uses[i].Meter)
			}
		}
	}
}
