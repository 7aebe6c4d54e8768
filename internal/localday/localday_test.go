package localday_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/paywatt/paywatt/internal/localday"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestDaysBegin(t *testing.T) {
	for _, c := range []struct{ zone, date, want, why string }{
		{"UTC", "2026-11-20", "2026-11-20T00:00:00Z", "no change ever"},
		{"Africa/Nairobi", "2026-11-20", "2026-11-20T00:00:00+03:00", "no change for long"},
		{"Europe/Berlin", "2026-03-29", "2026-03-29T00:00:00+01:00", "forward at 02:00"},
		{"Europe/Berlin", "2026-10-25", "2026-10-25T00:00:00+02:00", "back at 03:00"},
		{"America/Santiago", "2026-09-05", "2026-09-05T00:00:00-04:00", "the day before"},
		{"America/Santiago", "2026-09-06", "2026-09-06T01:00:00-03:00", "forward at midnight: there is no 00:00"},
		{"America/Santiago", "2026-09-07", "2026-09-07T00:00:00-03:00", "the day after"},
		{"America/Santiago", "2026-04-04", "2026-04-04T00:00:00-03:00", "23:00 comes twice in it"},
		{"America/Santiago", "2026-04-05", "2026-04-05T00:00:00-04:00", "back at midnight"},
		{"America/Havana", "2026-03-08", "2026-03-08T01:00:00-04:00", "forward at midnight"},
		{"America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00", "00:00 comes twice"},
		{"Atlantic/Azores", "2026-03-29", "2026-03-29T01:00:00Z", "forward at midnight"},
		{"Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z", "00:00 comes twice"},
		{"Africa/Cairo", "2026-04-24", "2026-04-24T01:00:00+03:00", "forward at midnight, east of Greenwich"},
		{"Australia/Lord_Howe", "2026-10-04", "2026-10-04T00:00:00+10:30", "half an hour"},
	} {
		at, err := localday.Parse(c.date, zone(t, c.zone))
		if got := at.Format(time.RFC3339); err != nil || got != c.want {
			t.Errorf("%s %s (%s) begins at %s (%v), want %s", c.zone, c.date, c.why, got, err, c.want)
		}
	}
	if at, err := localday.Parse("2026-02-30", time.UTC); err == nil {
		t.Errorf("30 February begins at %s, want an error", at)
	}
}

// TestDaysFollowEachOther checks that the days of a zone follow each other without a gap, and that each time is in the day of its date.
func TestDaysFollowEachOther(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/Santiago", "America/Havana", "Atlantic/Azores", "Africa/Cairo",
		"Asia/Beirut", "Africa/Casablanca", "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu"} {
		z := zone(t, name)
		at := localday.Begin(2026, time.January, 1, z)
		for n := range 800 {
			next := localday.Next(at)
			want := time.Date(2026, time.January, 1+n, 12, 0, 0, 0, time.UTC).Format(time.DateOnly)
			last := next.Add(-time.Nanosecond)
			if got := at.Format(time.DateOnly); got != want || last.Format(time.DateOnly) != want || at.Add(-time.Nanosecond).Format(time.DateOnly) == want {
				t.Fatalf("%s: day %s runs from %s to %s", name, want, at, next)
			}
			for m := at; m.Before(next); m = m.Add(29 * time.Minute) {
				if !localday.Of(m).Equal(at) || !localday.Next(m).Equal(next) || !localday.After(m, 1-n).Equal(localday.After(at, 1-n)) {
					t.Fatalf("%s: %s is of the day from %s to %s, want %s to %s", name, m, localday.Of(m), localday.Next(m), at, next)
				}
			}
			at = next
		}
	}
}
