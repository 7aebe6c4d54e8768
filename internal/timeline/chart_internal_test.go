package timeline

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// days is a chart of days in UTC that used so many Wh; a negative number is a day without readings. The newest reading is at noon of the last.
func days(used ...unit.Energy) Chart {
	first := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	c := Chart{By: series.Day, From: first}
	for i, u := range used {
		from := first.AddDate(0, 0, i)
		c.Use = append(c.Use, Used{Use: series.Use{Bucket: series.Bucket{From: from, To: from.AddDate(0, 0, 1)}, Units: max(u, 0), Covered: u >= 0}})
		c.newest = from.Add(12 * time.Hour)
		c.Units += max(u, 0)
	}
	return c
}

// TestDaysLeftCountWholeDays: neither the day of the newest reading nor a day without readings counts, and at most the last 14 days do.
func TestDaysLeftCountWholeDays(t *testing.T) {
	for name, c := range map[string]struct {
		chart Chart
		want  wallet.Days
	}{
		"two whole days":    {days(1000, 1000, 9000), wallet.Days{}},
		"three":             {days(1000, 2000, 2000, 9000), wallet.Days{Estimated: true, Least: 5, Likely: 5, Most: 10}},
		"a gap":             {days(1000, -1, 1000, 9000), wallet.Days{}},
		"nothing was used":  {days(0, 0, 0, 9000), wallet.Days{}},
		"old days are left": {days(append([]unit.Energy{9000, 9000}, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 50)...), wallet.Days{Estimated: true, Least: 10, Likely: 10, Most: 10}},
	} {
		if got := c.chart.daysLeft(10_000); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestAChartHidesEarlierCustomers: buckets that begin before the account's first day are empty, and the sum is without them.
func TestAChartHidesEarlierCustomers(t *testing.T) {
	c := days(1000, 2000, 4000)
	c.Since(c.From.Add(30 * time.Hour)) // the second day, at 06:00
	if c.Use[0].Covered || c.Use[0].Units != 0 || !c.Use[1].Covered || c.Units != 6000 {
		t.Errorf("%+v, sum %d", c.Use, c.Units)
	}
}
