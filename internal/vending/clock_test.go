package vending

import (
	"context"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
)

func TestAMovedClockIsNoticed(t *testing.T) {
	type step struct{ ran, by time.Duration } // running time before the step, and how far wall time got ahead of it
	var drift []step
	for range 400 {
		drift = append(drift, step{12 * time.Hour, time.Minute})
	}
	const ahead = 50 * time.Minute
	for _, c := range []struct {
		name  string
		steps []step
		want  time.Duration
	}{
		{"steady", []step{{time.Minute, 0}, {time.Minute, 0}}, 0},
		{"drifting for months", drift, 0},
		{"an hour and a second ahead", []step{{time.Minute, time.Hour + time.Second}}, time.Hour + time.Second},
		{"two hours back", []step{{time.Minute, 0}, {time.Minute, -2 * time.Hour}, {time.Minute, 0}}, -2 * time.Hour},
		{"moved and moved back", []step{{time.Minute, 48 * time.Hour}, {time.Hour, 0}, {time.Hour, -48 * time.Hour}}, 0},
		{"moved, drifting since", []step{{time.Minute, 2 * time.Hour}, {time.Minute, time.Second}, {time.Minute, time.Second}}, 2*time.Hour + 2*time.Second},
		{"three steps of 50 minutes", []step{{time.Minute, ahead}, {time.Minute, ahead}, {time.Minute, ahead}}, 3 * ahead},
		{"three steps in a day", []step{{time.Minute, ahead}, {8 * time.Hour, ahead}, {8 * time.Hour, ahead}}, 3 * ahead},
		{"three steps in a day, doubted for a week", []step{{time.Minute, ahead}, {8 * time.Hour, ahead}, {8 * time.Hour, ahead}, {168 * time.Hour, 0}}, 3 * ahead},
		{"a step a day and a half", []step{{time.Minute, ahead}, {36 * time.Hour, ahead}, {36 * time.Hour, ahead}}, 0},
		{"ahead and back", []step{{time.Minute, ahead}, {time.Minute, -ahead}, {time.Minute, ahead}}, 0},
		{"moved back in part, then ahead", []step{{time.Minute, 2 * ahead}, {time.Minute, -ahead}, {time.Minute, ahead}}, 2 * ahead},
	} {
		var g clockGuard
		var got, ran time.Duration
		for _, s := range c.steps {
			ran += s.ran
			got = g.moved(ran, s.by)
		}
		if got != c.want || len(g.steps) > 26 {
			t.Errorf("%s: moved by %s, want %s (%d steps are remembered)", c.name, got, c.want, len(g.steps))
		}
	}
}

func TestAClockWithoutARunningTimeIsTakenAsItIs(t *testing.T) {
	var g clockGuard
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	g.start(at)
	if no := g.look(at.Add(100*time.Hour), sale.Times{}); no.Refused() {
		t.Errorf("%s; without a monotonic reading nothing can be said", no.What)
	}
	now := time.Now()
	g.start(now)
	if no := g.look(now.Add(5*time.Hour), sale.Times{}); no.Refused() {
		t.Errorf("%s although running time went on just as far", no.What)
	}
}

// The clock of another machine, such as a database's, is compared with this machine's running time.
func TestAClockOfAnotherMachineIsWatched(t *testing.T) {
	own, off := time.Now(), time.Duration(0)
	v := New(Config{Now: func() time.Time { return own.Round(0).Add(off) }, Running: func() time.Time { return own }})
	for _, c := range []struct {
		name      string
		runs, off time.Duration
		want      time.Duration
	}{
		{"both go on", 5 * time.Hour, 0, 0},
		{"it jumps half an hour", time.Minute, 30 * time.Minute, 0},
		{"it jumps two hours more", time.Minute, 2*time.Hour + 30*time.Minute, 2*time.Hour + 30*time.Minute},
		{"and goes on", time.Hour, 2*time.Hour + 30*time.Minute, 2*time.Hour + 30*time.Minute},
		{"and jumps back", time.Minute, 30 * time.Minute, 0},
	} {
		own, off = own.Add(c.runs), c.off
		no := v.guard.look(v.c.Now(), sale.Times{})
		if got := v.guard.off; got != c.want || no.Refused() != (c.want != 0) || v.ClockDoubted() != no.Refused() {
			t.Errorf("%s: moved by %s, want %s", c.name, got, c.want)
		}
	}
}

// idle is a transaction that knows nothing about clocks. Other calls fail.
type idle struct{ Tx }

func (idle) VendClock() (sale.Times, error) { return sale.Times{}, nil }

// A clock that was moved stops new sales. A repeated request gets its old answer without this check.
func TestAMovedClockStopsNewSales(t *testing.T) {
	v := New(Config{Now: time.Now})
	v.guard.moved(time.Minute, 2*time.Hour)
	s, err := v.sell(context.Background(), idle{}, purchase{}, sale.Point{}, [32]byte{})
	if err != nil || s.Sold.Code != refusal.ClockUntrusted || s.Sold.What == "" || s.Sold.Try == "" || !s.undo {
		t.Errorf("a new sale: %v %q, undone %t; want %s", err, s.Sold.Code, s.undo, refusal.ClockUntrusted)
	}
}

// TestWhetherAClockIsGoneBy checks the rules of [Clock.Doubt] and [Clock.Behind] at their limits.
func TestWhetherAClockIsGoneBy(t *testing.T) {
	known := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name          string
		clock         Clock
		doubt, behind bool
	}{
		{"a fresh store", Clock{Now: known, Asked: true}, false, false},
		{"a day off", Clock{Now: known.Add(24 * time.Hour), LastTrusted: known, Asked: true}, false, false},
		{"a second more", Clock{Now: known.Add(24*time.Hour + time.Second), LastTrusted: known, Asked: true}, true, false},
		{"a week off, and the time is kept", Clock{Now: known.Add(7 * 24 * time.Hour), LastTrusted: known, Asked: true, Synced: true}, false, false},
		{"a week of running", Clock{Now: known.Add(7 * 24 * time.Hour), LastTrusted: known, Asked: true, Ran: 7 * 24 * time.Hour}, false, false},
		{"a week of running, settled", Clock{Now: known.Add(7 * 24 * time.Hour), LastTrusted: known}, false, false},
		{"before what is known", Clock{Now: known.Add(-time.Hour), LastTrusted: known, Asked: true}, false, false},
		{"moved", Clock{Now: known, LastTrusted: known, Moved: 2 * time.Hour}, true, false},
		{"moved, and the time is kept", Clock{Now: known, LastTrusted: known, Moved: -2 * time.Hour, Synced: true}, false, false},
		{"ten minutes before the newest token", Clock{Now: known, Newest: known.Add(MaxClockBack)}, false, false},
		{"a second more before it", Clock{Now: known, Newest: known.Add(MaxClockBack + time.Second)}, false, true},
		{"before it, and the time is kept", Clock{Now: known, Newest: known.Add(time.Hour), Synced: true}, false, true},
	} {
		if doubt, behind := c.clock.Doubt().Refused(), c.clock.Behind().Refused(); doubt != c.doubt || behind != c.behind {
			t.Errorf("%s: in doubt %t, behind %t; want %t and %t", c.name, doubt, behind, c.doubt, c.behind)
		}
	}
}

// TestAPersonsWordIsTakenUp lets several servers share a database. A person confirms to one of them that its clock is right. On every
// server, this settles all moves of the clock that were noticed before the confirmation, and no later move.
func TestAPersonsWordIsTakenUp(t *testing.T) {
	own, off := time.Now(), time.Duration(0)
	v := New(Config{Now: func() time.Time { return own.Round(0).Add(off) }, Running: func() time.Time { return own }})
	look := func(ran, moved time.Duration, word time.Time) bool {
		own, off = own.Add(ran), off+moved
		return v.guard.look(v.c.Now(), sale.Times{Trusted: word}).Refused()
	}
	before := own
	if !look(time.Minute, 5*time.Hour, before) {
		t.Error("a word of before settles that the clock was moved")
	}
	if !look(time.Minute, 0, before) {
		t.Error("nothing has settled it")
	}
	word := v.c.Now()
	for range 2 {
		if look(time.Second, 0, word) {
			t.Error("a word of after does not settle it")
		}
	}
	if !look(time.Minute, 5*time.Hour, word) {
		t.Error("it was moved again, and an old word settles that")
	}
}
