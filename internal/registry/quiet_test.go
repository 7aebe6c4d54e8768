package registry_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/registry"
)

func TestQuietHours(t *testing.T) {
	zone := func(name string) *time.Location {
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	nairobi, berlin := zone("Africa/Nairobi"), zone("Europe/Berlin")
	night, siesta := registry.QuietHours{}, registry.QuietHours{From: "12:30", To: "14:00"}
	for name, c := range map[string]struct {
		quiet registry.QuietHours
		zone  *time.Location
		now   string // time in the zone
		want  string // end of the quiet hours; empty if the warning may be sent at once
	}{
		"the minute before":                {night, nairobi, "2026-11-20 20:59:59", ""},
		"the first minute":                 {night, nairobi, "2026-11-20 21:00:00", "2026-11-21 07:00:00"},
		"the last evening of a year":       {night, nairobi, "2026-12-31 23:59:59", "2027-01-01 07:00:00"},
		"after midnight":                   {night, nairobi, "2026-11-21 00:00:00", "2026-11-21 07:00:00"},
		"the last second":                  {night, nairobi, "2026-11-21 06:59:59", "2026-11-21 07:00:00"},
		"the morning":                      {night, nairobi, "2026-11-21 07:00:00", ""},
		"the night in which clocks go on":  {night, berlin, "2026-03-28 22:00:00", "2026-03-29 07:00:00"},
		"the night in which clocks repeat": {night, berlin, "2026-10-24 22:00:00", "2026-10-25 07:00:00"},
		"within a day, before":             {siesta, nairobi, "2026-11-20 12:29:59", ""},
		"within a day":                     {siesta, nairobi, "2026-11-20 12:30:00", "2026-11-20 14:00:00"},
		"within a day, after":              {siesta, nairobi, "2026-11-20 14:00:00", ""},
		"until midnight":                   {registry.QuietHours{From: "20:00", To: "00:00"}, nairobi, "2026-11-30 20:00:00", "2026-12-01 00:00:00"},
		"until midnight, after":            {registry.QuietHours{From: "20:00", To: "00:00"}, nairobi, "2026-12-01 00:00:00", ""},
		"another evening":                  {registry.QuietHours{From: "19:30"}, nairobi, "2026-11-20 19:30:00", "2026-11-21 07:00:00"},
		"none":                             {registry.QuietHours{From: "07:00"}, nairobi, "2026-11-20 23:00:00", ""},
	} {
		if c.want == "" {
			c.want = c.now
		}
		at := func(text string) time.Time {
			x, err := time.ParseInLocation(time.DateTime, text, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		if got := c.quiet.After(at(c.now).UTC(), c.zone); !got.Equal(at(c.want)) {
			t.Errorf("%s: at %s a warning is sent at %s, want %s", name, c.now, got.In(c.zone).Format(time.DateTime), c.want)
		}
	}
}
