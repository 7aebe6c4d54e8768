package flats_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/unit"
)

// TestTheLossSaysWhatIsNotKnown: the flats of a day with each kind of gap, against a main meter that is wholly known, and one that is not.
func TestTheLossSaysWhatIsNotKnown(t *testing.T) {
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	// Each pair is the hour of a reading, counted from the beginning of the day, and the register in Wh.
	measure := func(pairs ...int64) flats.Metered {
		var all []series.Count
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, series.Count{At: day.Add(time.Duration(pairs[i]) * time.Hour), Register: unit.Energy(pairs[i+1])})
		}
		return flats.Metered{Measured: series.Measure(all, series.Bucket{From: day, To: day.Add(24 * time.Hour)}, 0)}
	}
	cases := []struct {
		name  string
		got   flats.Metered
		units unit.Energy
		gap   flats.Gap
	}{
		{"readings on both sides and inside", measure(-1, 0, 12, 1300, 25, 2600), 2400, flats.NoGap},
		{"readings at the limits", measure(0, 100, 24, 1100), 1000, flats.Estimated},
		{"readings at the limits and inside", measure(0, 100, 12, 600, 24, 1100), 1000, flats.NoGap},
		{"nothing used, and a reading on each side only", measure(-1, 500, 30, 500), 0, flats.Between},
		{"no reading in the time, and two days between those around it", measure(-12, 0, 36, 4800), 2400, flats.Estimated},
		{"none before", measure(6, 0, 12, 600, 25, 1900), 600 + 1200, flats.Partly},
		{"none after", measure(-1, 0, 6, 700), 600, flats.Partly},
		{"long before only", measure(-50, 0, -40, 900), 0, flats.Unread},
		{"no reading at all", measure(), 0, flats.Unread},
		{"a single reading", measure(5, 77), 0, flats.Unread},
		{"a register that began again", measure(-1, 9000, 6, 9700, 12, 100, 25, 1400), 600 + 1200, flats.Broken},
	}
	var all []flats.Metered
	for _, c := range cases {
		if c.got.Units != c.units || c.got.Gap() != c.gap {
			t.Errorf("%s: %d Wh with the gap %q, want %d with %q: %+v", c.name, c.got.Units, c.got.Gap(), c.units, c.gap, c.got)
		}
		all = append(all, c.got)
	}
	sum := unit.Energy(2400 + 1000 + 1000 + 2400 + 1800 + 600 + 1800)
	l := flats.Compare(measure(-1, 0, 12, 6500, 25, 13000), all)
	if l.Sum != sum || !l.Whole || l.Main.Units != 12000 || l.Lost != 1000 || l.Bps != 833 || l.Missing != 6 {
		t.Errorf("%d of %d Wh lost, %d of ten thousand, known %t, %d flats missing: the sum is %d, want %d", l.Lost, l.Main.Units, l.Bps, l.Whole, l.Missing, l.Sum, sum)
	}
	if l = flats.Compare(measure(0, 0, 12, 5000, 24, 10000), all); l.Lost != -1000 || l.Bps != -1000 {
		t.Errorf("flats that count more: %d Wh lost, %d of ten thousand", l.Lost, l.Bps)
	}
	if l = flats.Compare(measure(6, 0, 12, 5000, 24, 10000), all); l.Whole || l.Lost != 0 || l.Bps != 0 {
		t.Errorf("a main meter without readings at the beginning tells a loss: %+v", l)
	}
	if l = flats.Compare(measure(0, 0, 24, 0), all[:0]); !l.Whole || l.Bps != 0 {
		t.Errorf("nothing counted: %+v", l)
	}
}
