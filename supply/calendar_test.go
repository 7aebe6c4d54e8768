package supply_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/supply"
)

func TestFriendlyWindowsAndSpecialDays(t *testing.T) {
	night, ok1 := supply.ParseWindow("fri,sat 18:00-07:00")
	noon, ok2 := supply.ParseWindow("all 12:00-13:00")
	feast, ok3 := supply.ParseSpecial("2026-12-25")
	eve, ok4 := supply.ParseSpecial("2026-12-31 14:00-24:00")
	if !ok1 || !ok2 || !ok3 || !ok4 {
		t.Fatal("a calendar that is one was refused")
	}
	for _, c := range []struct {
		local string
		want  bool
	}{
		{"2026-11-20 17:59", false}, {"2026-11-20 18:00", true}, // a Friday
		{"2026-11-21 06:59", true}, {"2026-11-21 07:00", false}, {"2026-11-22 06:59", true}, {"2026-11-23 06:59", false},
		{"2026-11-23 12:00", true}, {"2026-11-23 13:00", false}, {"2026-12-25 00:00", true}, {"2026-12-25 23:59", true},
		{"2026-12-31 13:59", false}, {"2026-12-31 23:59", true}, {"2027-01-01 00:00", false},
	} {
		at, err := time.Parse("2006-01-02 15:04", c.local)
		if err != nil {
			t.Fatal(err)
		}
		if got := supply.Friendly([]supply.Window{night, noon, {}}, []supply.Special{feast, eve, {}}, at.Unix()); got != c.want {
			t.Errorf("friendly at %s = %t, want %t", c.local, got, c.want)
		}
	}
	for _, bad := range []string{"", "fri", "fri 18:00", "fri 18:00-25:00", "day 1:00-2:00", "fri 24:00-07:00", "fri  18:00-07:00"} {
		if _, ok := supply.ParseWindow(bad); ok {
			t.Errorf("%q passes as a window", bad)
		}
	}
	for _, bad := range []string{"", "2026-02-30", "2026-12-31 14:00-12:00", "2026-12-31 ", "31.12.2026"} {
		if _, ok := supply.ParseSpecial(bad); ok {
			t.Errorf("%q passes as a special day", bad)
		}
	}
}
