package tariff_test

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/unit"
)

// weekly is a price by time of use: peak on weekday mornings and evenings, standard on other weekday hours from 06:00,
// off at night and on Sundays. Price and tax are those of docs/reference/wallets.md#from-a-reading-to-money.
func weekly() tariff.Body {
	const workdays tariff.DaySet = 1<<tariff.Monday | 1<<tariff.Tuesday | 1<<tariff.Wednesday | 1<<tariff.Thursday | 1<<tariff.Friday
	return tariff.Body{Currency: "KES", VATBps: 1500, TOU: &tariff.TOU{
		Rates: []tariff.Rate{{Name: "peak", Rate: 3_600_000}, {Name: "standard", Rate: 2_100_000}, {Name: "off", Rate: 1_250_000}}, Otherwise: 2,
		Windows: []tariff.Window{
			{Days: workdays, From: 6 * 60, To: 9 * 60, Rate: 0}, {Days: workdays, From: 17 * 60, To: 20 * 60, Rate: 0},
			{Days: workdays, From: 9 * 60, To: 17 * 60, Rate: 1}, {Days: 1 << tariff.Saturday, From: 7 * 60, To: 12 * 60, Rate: 1}},
		Holidays: []tariff.Holiday{{Date: "2026-12-25", As: tariff.Sunday}},
	}}
}

func nairobi(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Africa/Nairobi")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func rate(t testing.TB, b tariff.Body, m *tariff.RatingState, from, to time.Time, units unit.Energy) tariff.Rated {
	t.Helper()
	next, out, err := b.Rate(*m, from.Location(), tariff.Use{From: from, To: to, Units: units})
	if err != nil {
		t.Fatal(err)
	}
	*m = next
	return out
}

func TestDebitsSumToTheExactCost(t *testing.T) {
	noon := time.Date(2026, 11, 18, 12, 0, 0, 0, nairobi(t)) // a Wednesday
	var m tariff.RatingState
	for i, c := range []struct {
		units unit.Energy
		want  money.Minor
	}{{137, 39}, {262, 75}, {401, 116}, {200, 57}} {
		if got := rate(t, flat(), &m, noon, noon.Add(time.Hour), c.units); got.Debit != c.want || got.Estimated {
			t.Errorf("step %d: %d Wh debit %d (estimated %t), want %d", i+1, c.units, got.Debit, got.Estimated, c.want)
		}
	}
	if half := money.PowerOfTen(11) / 2; m.Rest != half || m.Used != 1000 {
		t.Errorf("after 1000 Wh the remainder is %d and the month %d Wh, want half a cent (%d) and 1000", m.Rest, m.Used, half)
	}
	m = tariff.RatingState{}
	for _, c := range []struct {
		hour  int
		units unit.Energy
		want  money.Minor
	}{{7, 1250, 517}, {10, 830, 200}, {22, 2100, 302}} {
		at := time.Date(2026, 11, 18, c.hour, 0, 0, 0, nairobi(t))
		if got := rate(t, weekly(), &m, at, at.Add(30*time.Minute), c.units); got.Debit != c.want {
			t.Errorf("%d Wh at %d:00 debit %d, want %d", c.units, c.hour, got.Debit, c.want)
		}
	}
	if got, err := flat().AffordableLess(5000, 0); err != nil || got != 17_391 {
		t.Errorf("50.00 at 2.875 affords %d Wh (%v), want 17391", got, err)
	}
	if got := weekly().Dearest(); got != 3_600_000 {
		t.Errorf("dearest rate = %d, want that of the peak", got)
	}
}

func TestUseAcrossAChangeOfPriceIsSharedByTime(t *testing.T) {
	zone := nairobi(t)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 12, day, hour, minute, 0, 0, zone) }
	for _, c := range []struct {
		name     string
		from, to time.Time
		units    unit.Energy
		want     string
		shared   bool
	}{
		{"one window", at(2, 6, 0), at(2, 9, 0), 900, "[{peak 0.900 kWh 3600000}]", false},
		{"night into peak", at(2, 5, 0), at(2, 7, 0), 1001, "[{off 0.500 kWh 1250000} {peak 0.501 kWh 3600000}]", true},
		{"over midnight into Saturday", at(4, 23, 0), at(5, 8, 0), 900, "[{off 0.800 kWh 1250000} {standard 0.100 kWh 2100000}]", true},
		{"Christmas Friday is a Sunday", at(25, 6, 0), at(25, 9, 0), 700, "[{off 0.700 kWh 1250000}]", false},
		{"a moment takes the rate that holds at it", at(2, 9, 0), at(2, 9, 0), 10, "[{standard 0.010 kWh 2100000}]", false},
	} {
		var m tariff.RatingState
		got := rate(t, weekly(), &m, c.from, c.to, c.units)
		if fmt.Sprint(got.Parts) != c.want || got.Estimated != c.shared {
			t.Errorf("%s: %v estimated %t, want %s %t", c.name, got.Parts, got.Estimated, c.want, c.shared)
		}
	}
}

// TestWindowsKeepTheirMinutes checks windows and reports that begin and end between full hours.
func TestWindowsKeepTheirMinutes(t *testing.T) {
	b := weekly()
	b.TOU.Windows = []tariff.Window{{Days: 1 << tariff.Wednesday, From: 6*60 + 30, To: 9*60 + 15, Rate: 0}}
	wednesday := time.Date(2026, 11, 18, 0, 0, 0, 0, nairobi(t))
	at := func(d time.Duration) time.Time { return wednesday.Add(d) }
	const h, m, s = time.Hour, time.Minute, time.Second
	for _, c := range []struct {
		from, to time.Duration
		units    unit.Energy
		want     string
	}{
		{6*h + 29*m, 6*h + 29*m, 10, "[{off 0.010 kWh 1250000}]"},
		{6*h + 30*m, 6*h + 30*m, 10, "[{peak 0.010 kWh 3600000}]"},
		{9*h + 14*m + 59*s, 9*h + 14*m + 59*s, 10, "[{peak 0.010 kWh 3600000}]"},
		{9*h + 15*m, 9*h + 15*m, 10, "[{off 0.010 kWh 1250000}]"},
		{5*h + 30*m, 7*h + 30*m, 1200, "[{off 0.600 kWh 1250000} {peak 0.600 kWh 3600000}]"},
		{5*h + 50*m, 6*h + 50*m, 600, "[{off 0.400 kWh 1250000} {peak 0.200 kWh 3600000}]"},
		{6*h + 29*m + 40*s, 6*h + 30*m + 20*s, 80, "[{off 0.040 kWh 1250000} {peak 0.040 kWh 3600000}]"},
		{9*h + 15*m - s/4, 9*h + 15*m + 3*s/4, 100, "[{peak 0.025 kWh 3600000} {off 0.075 kWh 1250000}]"},
	} {
		var meter tariff.RatingState
		if got := rate(t, b, &meter, at(c.from), at(c.to), c.units); fmt.Sprint(got.Parts) != c.want {
			t.Errorf("%d Wh from %s to %s = %v, want %s", c.units, c.from, c.to, got.Parts, c.want)
		}
	}
}

func TestBlocksOfAWalletCountTheMonthsConsumption(t *testing.T) {
	zone := nairobi(t)
	var m tariff.RatingState
	from := time.Date(2026, 11, 30, 12, 0, 0, 0, zone)
	got := rate(t, ibt(), &m, from, from.Add(time.Hour), 60_000)
	if want := "[{ 50.000 kWh 1200000} { 10.000 kWh 1600000}]"; fmt.Sprint(got.Parts) != want || got.Debit != 6900+1840 {
		t.Errorf("60 kWh = %v for %d, want %s for 8740", got.Parts, got.Debit, want)
	}
	// The use lasts from 22:00 to 02:00 over the month's end. One half is the end of November, and the other half is the beginning of
	// December.
	from = time.Date(2026, 11, 30, 22, 0, 0, 0, zone)
	got = rate(t, ibt(), &m, from, from.Add(4*time.Hour), 20_000)
	if want := "[{ 10.000 kWh 1600000} { 10.000 kWh 1200000}]"; fmt.Sprint(got.Parts) != want || !got.Estimated || m.Month != "2026-12" || m.Used != 10_000 {
		t.Errorf("over the month's end = %v (estimated %t), then %s %d Wh; want %s, 2026-12 and 10000", got.Parts, got.Estimated, m.Month, m.Used, want)
	}
}

func TestSeasonsGoRoundTheYear(t *testing.T) {
	zone := nairobi(t)
	b := tariff.Body{Currency: "KES", Seasons: []tariff.Season{
		{Name: "winter", From: tariff.MonthDay{Month: time.June, Day: 1}, Blocks: []tariff.Block{{Rate: 3_000_000}}},
		{Name: "summer", From: tariff.MonthDay{Month: time.September, Day: 1}, Blocks: []tariff.Block{{Rate: 2_000_000}}}}}
	for date, want := range map[string]money.Minor{"2026-01-15": 200, "2026-05-31": 200, "2026-06-01": 300, "2026-08-31": 300, "2026-09-01": 200, "2026-12-31": 200} {
		day, err := time.ParseInLocation(time.DateOnly, date, zone)
		if err != nil {
			t.Fatal(err)
		}
		var m tariff.RatingState
		if got := rate(t, b, &m, day, day.Add(24*time.Hour), 1000); got.Debit != want || got.Estimated {
			t.Errorf("1 kWh on %s = %d (estimated %t), want %d", date, got.Debit, got.Estimated, want)
		}
	}
	var m tariff.RatingState
	from := time.Date(2026, 8, 31, 12, 0, 0, 0, zone)
	if got := rate(t, b, &m, from, from.Add(24*time.Hour), 2000); got.Debit != 500 || !got.Estimated {
		t.Errorf("half a day of each season = %d, want 500, estimated", got.Debit)
	}
}

// TestDebitsAreTheFloorOfTheExactCost divides the same consumption into random reports.
func TestDebitsAreTheFloorOfTheExactCost(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 2026))
	zone := nairobi(t)
	bodies := []tariff.Body{flat(), ibt(), weekly()}
	levied := ibt()
	levied.Levies = []tariff.Levy{{Name: "rural", Percent: 333}, {Name: "regulator", Rate: 12_345, Untaxed: true}}
	bodies = append(bodies, levied)
	for n := range tier.RatedReports.N() {
		b := bodies[r.IntN(len(bodies))]
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, zone).Add(time.Duration(r.Int64N(int64(360 * 24 * time.Hour))))
		var m tariff.RatingState
		exact, debits := new(big.Rat), money.Minor(0)
		for range 1 + r.IntN(20) {
			to := at.Add(time.Duration(r.Int64N(int64(40 * time.Hour))))
			units := unit.Energy(r.Int64N(60_000))
			got := rate(t, b, &m, at, to, units)
			debits += got.Debit
			for _, p := range got.Parts {
				units -= p.Units
				cost := new(big.Rat).SetFrac64(int64(p.Rate)*11_500*int64(p.Units), 100_000_000_000)
				for _, l := range b.Levies {
					part, err := l.Of(p.Rate)
					if err != nil {
						t.Fatal(err)
					}
					tax := int64(11_500)
					if l.Untaxed {
						tax = 10_000
					}
					cost.Add(cost, new(big.Rat).SetFrac64(int64(part)*tax*int64(p.Units), 100_000_000_000))
				}
				exact.Add(exact, cost)
			}
			if units != 0 {
				t.Fatalf("case %d: %d Wh have no price", n, units)
			}
			at = to
		}
		floor := new(big.Int).Quo(exact.Num(), exact.Denom())
		if floor.Int64() != int64(debits) {
			t.Fatalf("case %d: debits sum to %d, the exact cost is %s", n, debits, exact.FloatString(6))
		}
	}
}

func TestWhatNoMeterReportsIsNotRated(t *testing.T) {
	now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	for _, u := range []tariff.Use{{From: now, To: now, Units: -1}, {From: now, To: now.Add(-time.Second), Units: 1}, {From: now, To: now.Add(tariff.MaxSpan + 1), Units: 1}} {
		if _, _, err := flat().Rate(tariff.RatingState{}, time.UTC, u); !errors.Is(err, tariff.ErrUse) {
			t.Errorf("Rate(%+v): %v, want %v", u, err, tariff.ErrUse)
		}
	}
}
