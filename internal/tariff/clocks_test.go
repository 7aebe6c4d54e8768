package tariff_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Windows follow the local clock, also when it is put forward or back.
func TestWindowsWhereTheClocksChange(t *testing.T) {
	const every = 1<<tariff.Monday | 1<<tariff.Tuesday | 1<<tariff.Wednesday | 1<<tariff.Thursday | 1<<tariff.Friday | 1<<tariff.Saturday | 1<<tariff.Sunday
	b := tariff.Body{Currency: "EUR", TOU: &tariff.TOU{Otherwise: 1, Rates: []tariff.Rate{{Name: "day", Rate: 300_000}, {Name: "night", Rate: 200_000}}}}
	for _, c := range []struct {
		zone, date, name string
		from, to         tariff.Clock // limits of the window
		begins           string
		lasts            time.Duration
		day, night       unit.Energy // minutes of day and night
	}{
		{"Europe/Berlin", "2026-10-25", "back at 03:00, the window begins in the hour that comes twice", 150, 360, "2026-10-25T00:00:00+02:00", 7 * time.Hour, 30 + 30 + 180, 120 + 30 + 30},
		{"Europe/Berlin", "2026-10-25", "and from within its second half hour", 150, 360, "2026-10-25T02:00:00+01:00", 2 * time.Hour, 90, 30},
		{"Europe/Berlin", "2026-03-29", "forward at 02:00, the window begins in the hour that is left out", 150, 360, "2026-03-29T00:00:00+01:00", 5 * time.Hour, 180, 120},
		{"America/Santiago", "2026-09-05", "forward at midnight", 0, 120, "2026-09-05T22:00:00-04:00", 4 * time.Hour, 60, 180},
		{"America/Santiago", "2026-04-04", "back at midnight", 1380, 1440, "2026-04-04T22:00:00-03:00", 4 * time.Hour, 120, 120},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		from, err := time.Parse(time.RFC3339, c.begins)
		if err != nil {
			t.Fatal(err)
		}
		b.TOU.Windows = []tariff.Window{{Days: every, From: c.from, To: c.to, Rate: 0}}
		_, got, err := b.Rate(tariff.RatingState{}, zone, tariff.Use{From: from, To: from.Add(c.lasts), Units: unit.Energy(c.lasts / time.Minute)})
		sums := map[string]unit.Energy{}
		for _, p := range got.Parts {
			sums[p.Name] += p.Units
		}
		if want := map[string]unit.Energy{"day": c.day, "night": c.night}; err != nil || fmt.Sprint(sums) != fmt.Sprint(want) {
			t.Errorf("%s, %s, %s: %v (%v), want %v", c.zone, c.date, c.name, sums, err, want)
		}
	}
}
