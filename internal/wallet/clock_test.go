package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// TestAClockIsSetByAnOrderThatTheMeterTakes: the meter refuses a command that has expired by its own clock.
func TestAClockIsSetByAnOrderThatTheMeterTakes(t *testing.T) {
	day := time.Date(2106, 2, 7, 6, 28, 15, 0, time.UTC)
	for _, c := range []struct {
		name      string
		set       func(*wallet.Row, time.Time)
		simulated bool
		want      string
		until     func(now time.Time) time.Time
	}{
		{"of the year 2106", func(r *wallet.Row, _ time.Time) { r.Adrift, r.Said = true, day }, false, "time m1",
			func(time.Time) time.Time { return day.Add(time.Hour) }},
		{"two hours ahead", func(r *wallet.Row, now time.Time) { r.Adrift, r.Said = true, now.Add(2*time.Hour) }, false, "time m1",
			func(now time.Time) time.Time { return now.Add(3 * time.Hour) }},
		{"not set, of the year 1970", func(r *wallet.Row, _ time.Time) { r.Adrift, r.Said = true, time.Unix(0, 0) }, false, "time m1",
			func(now time.Time) time.Time { return now.Add(5 * time.Minute) }},
		{"at the end of the years", func(r *wallet.Row, _ time.Time) {
			r.Adrift, r.Said = true, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		}, false,
			"time m1", func(time.Time) time.Time { return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }},
		{"simulated", func(r *wallet.Row, _ time.Time) {
			r.Adrift, r.Said, r.Lag = true, day, wallet.Lag{By: day.Sub(day.AddDate(-1, 0, 0)), Over: time.Hour}
		},
			true, "", nil},
		{"66 minutes behind", func(r *wallet.Row, _ time.Time) { r.Lag = wallet.Lag{By: 66 * time.Minute, Over: 30 * time.Minute} }, false, "time m1",
			func(now time.Time) time.Time { return now.Add(5 * time.Minute) }},
		{"behind, by readings that came together", func(r *wallet.Row, _ time.Time) {
			r.Lag = wallet.Lag{By: 66 * time.Minute, Over: 28 * time.Minute}
		}, false, "", nil},
		{"behind, by readings an interval apart but for a minute", func(r *wallet.Row, _ time.Time) {
			r.Lag = wallet.Lag{By: 66 * time.Minute, Over: 29 * time.Minute}
		}, false, "time m1", func(now time.Time) time.Time { return now.Add(5 * time.Minute) }},
		{"behind by half of what makes a reading old", func(r *wallet.Row, _ time.Time) {
			r.Lag = wallet.Lag{By: 32*time.Minute + 30*time.Second, Over: time.Hour}
		}, false, "", nil},
		{"behind by a second more", func(r *wallet.Row, _ time.Time) {
			r.Lag = wallet.Lag{By: 32*time.Minute + 31*time.Second, Over: time.Hour}
		}, false, "time m1", func(now time.Time) time.Time { return now.Add(5 * time.Minute) }},
		{"no more behind than an interval", func(r *wallet.Row, _ time.Time) { r.Lag = wallet.Lag{By: 31 * time.Minute, Over: time.Hour} }, false, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newRig(t, 100_000, 1)
			d.rows[0].Meter.Simulated = c.simulated
			c.set(&d.rows[0], d.now)
			d.settles()
			d.want(c.name, c.want)
			if c.until == nil {
				return
			}
			if got, want := d.order(1, wallet.CommandClock).Until, c.until(d.now); !got.Equal(want) {
				t.Errorf("the order ends at %s, want %s", got, want)
			}
			d.passes(59*time.Minute).does(1, wallet.CommandClock)
			d.want("it was set", "")
		})
	}
}

func TestALagIsOfAClockOnlyWhereItStays(t *testing.T) {
	was := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	wasReceived := was.Add(2 * time.Hour)
	for _, c := range []struct {
		name         string
		at, received time.Duration // time after the first reading
		want         wallet.Lag
	}{
		{"the same", 30 * time.Minute, 30 * time.Minute, wallet.Lag{By: 2 * time.Hour, Over: 30 * time.Minute}},
		{"a minute more", 30 * time.Minute, 31 * time.Minute, wallet.Lag{By: 2 * time.Hour, Over: 31 * time.Minute}},
		{"a minute less", 31 * time.Minute, 30 * time.Minute, wallet.Lag{By: 2*time.Hour - time.Minute, Over: 30 * time.Minute}},
		{"a backlog is caught up with", 30 * time.Minute, 28 * time.Minute, wallet.Lag{}},
		{"a backlog grows", 30 * time.Minute, 32 * time.Minute, wallet.Lag{}},
		{"the clock was put back by ages", -1000 * 24 * time.Hour, 30 * time.Minute, wallet.Lag{}},
	} {
		if got := wallet.LagOf(was.Add(c.at), wasReceived.Add(c.received), was, wasReceived); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestWhatHadExpiredByAWrongClockIsGivenAgain: the command is given again once the clock is right, and not before.
func TestWhatHadExpiredByAWrongClockIsGivenAgain(t *testing.T) {
	d := charged(t)
	d.does(1, wallet.CommandCut)
	d.passes(time.Minute).reads(1, 4000, supply.Open, supply.Remote)
	d.says()
	d.pays(4000)
	d.want("paid", "connect m1; supply-on press m1; wallet-low m1; lease m1")
	d.passes(time.Second).answers(1, wallet.CommandConnect, "failed", "expired")
	d.answers(1, wallet.CommandLease, "failed", "expired")
	d.rows[0].Adrift, d.rows[0].Said = true, d.now.Add(30*time.Hour)
	d.says()
	d.passes(time.Second)
	d.settles()
	d.want("its clock is wrong", "time m1")
	d.passes(time.Second).does(1, wallet.CommandClock)
	d.want("its clock is set", "connect m1; lease m1")
}

// TestOnlyAClockThatWasSetSinceMakesALeaseGoOutAgain: once the clock was set, the next lease is sent at once. After any other refusal it
// waits for half an hour.
func TestOnlyAClockThatWasSetSinceMakesALeaseGoOutAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		why   string
		clock string        // state of the command that sets the clock
		since time.Duration // time since the refusal
		want  string
	}{
		{"set since", "expired", "done", time.Second, "lease m1"}, {"set in the same moment", "expired", "done", 0, "lease m1"}, {"set before", "expired", "done", -time.Second, ""},
		{"not set yet", "expired", "sent", time.Second, ""}, {"not to be set", "expired", "failed", time.Second, ""}, {"refused for another reason", "mode", "done", time.Second, ""},
	} {
		d := newRig(t, 100_000, 1)
		d.passes(time.Hour).reads(1, 11_000, supply.Closed)
		d.rows[0].Adrift, d.rows[0].Said = true, d.now.Add(2*time.Hour)
		d.settles()
		d.rows[0].Adrift = false
		lease, clock := d.order(1, wallet.CommandLease), d.order(1, wallet.CommandClock)
		lease.Signed, lease.State, lease.Answer, lease.Since = true, "failed", c.why, d.now
		clock.Signed, clock.State, clock.Since = true, c.clock, d.now.Add(c.since)
		d.says()
		d.passes(time.Minute)
		d.settles()
		d.want(c.name, c.want)
	}
}
