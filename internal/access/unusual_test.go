package access_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// TestUnusualSpeedAndSize: a person's actions raise one alarm for each reason and day, and usual actions raise none.
func TestUnusualSpeedAndSize(t *testing.T) {
	usual := []int64{10, 12, 8, 10, 500, 9}
	type step struct {
		amount int64
		n      int
	}
	for name, c := range map[string]struct {
		ceiling int64
		means   []int64
		nobody  bool
		steps   []step
		want    []string
	}{
		"half of the ceiling":       {ceiling: 1000, steps: []step{{100, 5}}},
		"more than half":            {ceiling: 1000, steps: []step{{100, 6}}, want: []string{"share"}},
		"said once":                 {ceiling: 1000, steps: []step{{100, 10}}, want: []string{"share"}},
		"sixty actions":             {ceiling: 10_000, steps: []step{{1, 60}}},
		"one more":                  {ceiling: 10_000, steps: []step{{1, 70}}, want: []string{"speed"}},
		"ten times the usual":       {ceiling: 1000, means: usual, steps: []step{{109, 1}}},
		"more than that":            {ceiling: 1000, means: usual, steps: []step{{110, 1}}, want: []string{"size"}},
		"too small to matter":       {ceiling: 10_000, means: usual, steps: []step{{499, 1}}},
		"too few days to know":      {ceiling: 1000, means: usual[:4], steps: []step{{400, 1}}},
		"all reasons":               {ceiling: 10_000, means: usual, steps: []step{{1, 61}, {9000, 1}}, want: []string{"speed", "share", "size"}},
		"nobody to warn":            {ceiling: 1000, nobody: true, steps: []step{{100, 10}}},
		"what waits for a second":   {ceiling: 1000, steps: []step{{1001, 1}}},
		"a ceiling of 0 is refused": {ceiling: 0, steps: []step{{1, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRows(t)
			off := false
			r.bind, r.means, r.ceilings = &off, c.means, map[access.Ceiling]int64{access.PersonCredits: c.ceiling}
			if c.nobody {
				clear(r.people)
			}
			for _, s := range c.steps {
				for range s.n {
					if _, err := access.SecondPerson(r, r.amina(), access.ActRequest{Act: access.ActAdjust, Body: struct{}{}, Takes: access.Takes{Amount: s.amount}}, r.now); err != nil {
						t.Fatal(err)
					}
				}
			}
			var got []string
			for _, text := range r.alarms {
				switch {
				case strings.Contains(text, "more than half of the ceiling for credits"):
					got = append(got, "share")
				case strings.Contains(text, "every ten seconds"):
					got = append(got, "speed")
				case strings.Contains(text, "ten times what is usual"):
					got = append(got, "size")
				}
				if !strings.Contains(text, "amina") || !strings.Contains(text, "2026-11-1") && !strings.Contains(text, "2026-11-20") {
					t.Errorf("the alarm %q names neither person nor day", text)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("alarms %v, want %v", got, c.want)
			}
			if names := r.raised.Names(); len(names) != len(c.want) {
				t.Errorf("stored %v, want %v", names, c.want)
			}
		})
	}
	if access.UnusualWindow != 10*time.Minute {
		t.Error("docs/reference/events.md says ten minutes")
	}
}
