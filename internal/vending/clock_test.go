package vending

import (
	"context"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
)

func TestAMovedClockIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name  string
		gains []time.Duration // of wall time on running time, look by look
		want  time.Duration
	}{
		{"steady", []time.Duration{0, 0}, 0},
		{"drifting for ever", []time.Duration{time.Minute, time.Minute, time.Minute, time.Hour, time.Minute}, 0},
		{"an hour and a second ahead", []time.Duration{time.Hour + time.Second}, time.Hour + time.Second},
		{"two hours back", []time.Duration{0, -2 * time.Hour, 0}, -2 * time.Hour},
		{"moved and moved back", []time.Duration{48 * time.Hour, 0, -48 * time.Hour}, 0},
		{"moved, drifting since", []time.Duration{2 * time.Hour, time.Second, time.Second}, 2*time.Hour + 2*time.Second},
	} {
		var g clockGuard
		var got time.Duration
		for _, gain := range c.gains {
			got = g.moved(gain)
		}
		if got != c.want {
			t.Errorf("%s: moved by %s, want %s", c.name, got, c.want)
		}
		g.trust(time.Now())
		if got = g.moved(0); got != 0 {
			t.Errorf("%s: moved by %s after it was trusted", c.name, got)
		}
	}
}

func TestAClockWithoutARunningTimeIsTakenAsItIs(t *testing.T) {
	var g clockGuard
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	g.start(at)
	if by := g.jumped(at.Add(100 * time.Hour)); by != 0 {
		t.Errorf("moved by %s; without a monotonic reading nothing can be said", by)
	}
	now := time.Now()
	g.start(now)
	if by := g.jumped(now.Add(5 * time.Hour)); by != 0 {
		t.Errorf("moved by %s although running time went on just as far", by)
	}
}

// A clock that is not this machine's, as a database's, is compared with the running time that this machine tells.
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
		{"it jumps two hours", time.Minute, 2*time.Hour + 30*time.Minute, 2 * time.Hour},
		{"and goes on", time.Hour, 2*time.Hour + 30*time.Minute, 2 * time.Hour},
		{"and jumps back", time.Minute, 30 * time.Minute, 0},
	} {
		own, off = own.Add(c.runs), c.off
		if got := v.guard.jumped(v.c.Now()); got != c.want || v.ClockFault().Refused() != (c.want != 0) {
			t.Errorf("%s: moved by %s, want %s", c.name, got, c.want)
		}
	}
}

// idle is a transaction in which no sale is under way; nothing else of it may be asked for.
type idle struct{ Tx }

func (idle) VendUnderWay(int64, id.ID) (bool, error) { return false, nil }

// A clock that was moved stops new sales; asking again for an old answer never comes to this point.
func TestAMovedClockStopsNewSales(t *testing.T) {
	v := New(Config{Now: time.Now})
	v.guard.moved(2 * time.Hour)
	if r := v.ClockFault(); r.Code != refusal.ClockUntrusted || r.What == "" || r.Try == "" {
		t.Errorf("clock fault %q: %s", r.Code, r.Detail())
	}
	s, err := v.sell(context.Background(), idle{}, purchase{jumped: v.guard.jumped(time.Now())}, Point{}, [32]byte{})
	if err != nil || s.Sold.Code != refusal.ClockUntrusted || !s.undo {
		t.Errorf("a new sale: %v %q, undone %t; want %s", err, s.Sold.Code, s.undo, refusal.ClockUntrusted)
	}
	q, err := v.Quote(context.Background(), access.Actor{Role: access.Owner}, "04000000010", money.Amount{Minor: 100, Currency: "KES"})
	if err != nil || q.Code != refusal.ClockUntrusted {
		t.Errorf("a quote: %v %q, want %s", err, q.Code, refusal.ClockUntrusted)
	}
}
