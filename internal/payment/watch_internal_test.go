package payment

import (
	"testing"
	"time"
)

// TestAListThatOneServerCannotReadIsItsOwnAlarm: other servers of the database may read the list, so they neither raise this alarm nor end it.
func TestAListThatOneServerCannotReadIsItsOwnAlarm(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	long, short := now.Add(-2*time.Hour), now.Add(-time.Minute)
	for _, c := range []struct {
		server        string
		last, failing time.Time
		shared, own   bool
	}{
		{"", short, long, true, false},
		{"srv-a", short, long, false, true},
		{"srv-a", short, short, false, false},
		{"srv-a", now.Add(-96 * time.Hour), long, true, true},
		{"srv-a", now.Add(-96 * time.Hour), time.Time{}, true, false},
	} {
		var b OpenPayments
		b.noteProvider("bank", c.server, now, c.last, c.failing)
		shared, own, n := false, false, 0
		for _, a := range b.Watch(c.server) {
			if a.Code != AlarmSilent {
				continue
			}
			n++
			if a.Server == "" {
				shared = a.Text != ""
			} else {
				own = a.Text != "" && a.Server == c.server
			}
		}
		if want := map[bool]int{true: 1, false: 2}[c.server == ""]; shared != c.shared || own != c.own || n != want {
			t.Errorf("%+v: an alarm for all %t, of its own %t, of %d that it judges", c, shared, own, n)
		}
	}
}
