package wallet_test

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// santiago puts its clocks forward at midnight: the 6th of September 2026 begins at 01:00.
func santiago(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// A reading over a midnight that does not exist is divided between its two days like any other, at one price and by time of use.
func TestAReadingOverAMidnightThatDoesNotExist(t *testing.T) {
	zone := santiago(t)
	at := time.Date(2026, 9, 5, 20, 0, 0, 0, zone)
	for name, b := range map[string]tariff.Body{"flat": flat(), "time of use": byTime()} {
		p := newPlant(t, version(1, at.AddDate(-1, 0, 0), b))
		p.terms.Zone = zone
		p.read(at, 0)
		got := p.read(at.Add(10*time.Hour), 10_000) // four hours of Saturday, six of Sunday
		if p.s.Held.Stopped() || len(got.Days) != 2 || got.Days[0].Day != "2026-09-05" || got.Days[0].Units != 4000 || got.Days[1].Day != "2026-09-06" || got.Days[1].Units != 6000 {
			t.Errorf("%s: %+v, held %+v; want 4000 Wh on 2026-09-05 and 6000 on 2026-09-06", name, got.Days, p.s.Held)
		}
	}
}

// Every local day is charged once, including the day without a midnight and the day that has 23:00 twice.
func TestFixedChargesOfDaysOnWhichTheClocksChange(t *testing.T) {
	for _, c := range []struct {
		now  time.Time
		want string
	}{
		{time.Date(2026, 9, 7, 12, 0, 0, 0, santiago(t)), "2026-09-07"},
		{time.Date(2026, 9, 6, 1, 30, 0, 0, santiago(t)), "2026-09-06"},
		{time.Date(2026, 4, 5, 12, 0, 0, 0, santiago(t)), "2026-04-05"},
	} {
		d := newTill(t, 100_000, 1)
		d.now, d.tenant.Zone = c.now, santiago(t)
		d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
		for pass, want := range []int{3, 0} {
			if got, err := d.wallets().ChargeDays(t.Context(), system()); err != nil || got != want || d.charged != c.want {
				t.Errorf("%s, pass %d: %d days charged up to %q, %v; want %d up to %q", c.now, pass+1, got, d.charged, err, want, c.want)
			}
		}
	}
}

// A reading spans a change of price. The energy at the first price is an estimate, so the energy at the second price is an estimate too.
func TestAllOfAReadingOverAChangeOfPriceIsEstimated(t *testing.T) {
	midnight := time.Date(2026, 12, 1, 0, 0, 0, 0, nairobi(t))
	taxed := flat()
	taxed.VATBps = 1600
	p := newPlant(t, version(1, midnight.AddDate(-1, 0, 0), flat()), version(2, midnight, taxed))
	p.read(midnight.Add(-15*time.Minute), 0)
	got := p.read(midnight.Add(15*time.Minute), 2000)
	want := []wallet.DayUse{{Day: "2026-11-30", Units: 1000, Debit: money.Minor(287), Estimated: 1000}, {Day: "2026-12-01", Units: 1000, Debit: 290, Estimated: 1000}}
	if !slices.Equal(got.Days, want) || !got.Estimated {
		t.Errorf("days %+v (estimated %t), want %+v, estimated", got.Days, got.Estimated, want)
	}
}
