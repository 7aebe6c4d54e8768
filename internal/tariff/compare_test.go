package tariff_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

func TestABillIsWhatTheMonthCosts(t *testing.T) {
	withFixed := ibt()
	withFixed.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 9800, Per: tariff.PerMonth}}
	withFree := ibt()
	withFree.Free = tariff.Free{Units: 50_000}
	apart := withFree
	apart.Free.Apart = true
	levied := flat()
	levied.Levies = []tariff.Levy{{Name: "rural", Percent: 1000}}
	levied.Fee = tariff.VendFee{Amount: 200}
	for _, c := range []struct {
		name    string
		body    tariff.Body
		units   int64
		paid    money.Minor
		revenue money.Minor
		capped  bool
	}{
		{"flat", flat(), 100_000, 28_750, 25_000, false},
		{"the four blocks of V20", ibt(), 1_143_100, 299_980, 260_852, false}, // 299980.25 and 260852.5, rounded down
		{"fixed", withFixed, 50_000, 6900 + 11_270, 6000 + 9800, false},
		{"fixed and nothing used", withFixed, 0, 11_270, 9800, true},
		{"free units fill the first block", withFree, 60_000, 1840, 1600, false},
		{"free units apart", apart, 60_000, 1380, 1200, false},
		{"all free", withFree, 40_000, 0, 0, false},
		{"levy and fee", levied, 100_000, 31_625 + 230, 25_000 + 200, false},
		{"by time of use, as much at every hour", weekly(), 0, 0, 0, false},
	} {
		got, err := c.body.Bill(tariff.MonthUse{Meter: "m", Month: "2026-11", Units: unit.Energy(c.units)}, time.UTC)
		if want := (tariff.Bill{Paid: c.paid, Revenue: c.revenue, Capped: c.capped}); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, want)
		}
	}
}

func TestComparingFindsWinnersAndLosers(t *testing.T) {
	draft := ibt()
	draft.Blocks[0].Rate, draft.Blocks[1].Rate = 1_000_000, 1_800_000
	var uses []tariff.MonthUse
	for _, u := range []struct {
		meter string
		units int64
	}{{"small", 40_000}, {"large", 300_000}, {"larger", 340_000}, {"even", 100_000}, {"small", 30_000}} {
		uses = append(uses, tariff.MonthUse{Meter: u.meter, Month: fmt.Sprintf("2026-%02d", len(uses)+1), Units: unit.Energy(u.units)})
	}
	c, err := tariff.Compare(ibt(), draft, uses, time.UTC, 1)
	if err != nil {
		t.Fatal(err)
	}
	// The meter "small" pays 0.20 less for 70 kWh, which is 14.00 + VAT. For the meter "even", 50 kWh at 0.20 less and 50 kWh at 0.20 more
	// cancel out.
	if c.Meters != 4 || c.Months != 5 || c.Winners != 1 || c.Losers != 2 || c.Same != 1 || c.Units != 810_000 {
		t.Errorf("comparison %+v", c)
	}
	if len(c.Rises) != 1 || c.Rises[0].Meter != "larger" || c.Rises[0].Rise() != 5520 {
		t.Errorf("rises %+v, want larger by 55.20", c.Rises)
	}
	var before, after money.Minor
	for _, u := range uses {
		a, err := ibt().Bill(u, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		b, err := draft.Bill(u, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		before, after = before+a.Paid, after+b.Paid
	}
	if c.Before.Paid != before || c.After.Paid != after {
		t.Errorf("paid %d and %d, the bills sum to %d and %d", c.Before.Paid, c.After.Paid, before, after)
	}
	if same, err := tariff.Compare(ibt(), ibt(), uses, time.UTC, 5); err != nil || same.Same != 4 || len(same.Rises) != 0 || same.Before != same.After {
		t.Errorf("a tariff against itself: %+v, %v", same, err)
	}
}

func TestComparisonsOfTheImpossible(t *testing.T) {
	other := flat()
	other.Currency = "UGX"
	if _, err := tariff.Compare(flat(), other, nil, time.UTC, 1); err == nil {
		t.Error("two currencies were compared")
	}
	for _, u := range []tariff.MonthUse{{Month: "2026-13", Units: 1}, {Month: "November", Units: 1}, {Month: "2026-11", Units: -1}} {
		if _, err := tariff.Compare(flat(), flat(), []tariff.MonthUse{u}, time.UTC, 1); err == nil {
			t.Errorf("%+v was compared", u)
		}
	}
}
