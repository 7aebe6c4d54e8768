package payment_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
)

func TestAProviderThatBringsNothingIsQuiet(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		name          string
		last, failing time.Time
		want          bool
	}{
		{"never used", time.Time{}, time.Time{}, false},
		{"in use", ago(time.Hour), time.Time{}, false},
		{"silent for four days", ago(96 * time.Hour), time.Time{}, true},
		{"no longer used", ago(40 * 24 * time.Hour), time.Time{}, false},
		{"its list failed once", ago(time.Hour), ago(time.Minute), false},
		{"its list fails", ago(time.Hour), ago(2 * time.Hour), true},
	} {
		if got := payment.IsQuiet(now, c.last, c.failing); got != c.want {
			t.Errorf("%s: quiet is %t", c.name, got)
		}
	}
}

func TestEachBacklogHasItsAlarm(t *testing.T) {
	for n, b := range []payment.OpenPayments{{Parked: 2, Oldest: time.Unix(0, 0)}, {Back: 1}, {Unreadable: 3}, {Quiet: []string{"bank", "mpesa"}}} {
		for i, a := range b.Watch("") {
			if (a.Text != "") != (i == n) {
				t.Errorf("backlog %d: alarm %s says %q", n, a.Code, a.Text)
			}
		}
	}
}
