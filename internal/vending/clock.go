package vending

import (
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
)

// Clock holds the facts that decide whether the server may use its clock to date bookings and to give TIDs. A TID from a wrong clock cannot
// be taken back.
type Clock struct {
	Now         time.Time
	Newest      time.Time     // when the newest token was issued
	LastTrusted time.Time     // the last moment at which the clock is known to have been trusted
	Ran         time.Duration // for how long the process has run
	Asked       bool          // it is still open whether the clock was right when the process started
	Moved       time.Duration // by how much the clock was moved while the process ran, since it was last trusted
	Synced      bool          // the system's time service reports that it keeps the clock
}

// Doubt returns why the clock may not date anything, unless the time service confirms the clock. There are two reasons. The first is that
// the clock was moved while the program ran. The second is that the program started more than [MaxClockRest], by its clock, after the
// last moment at which the clock was trusted. A server that was off for so long is in doubt too, because it looks the same as one whose
// clock jumped.
func (c Clock) Doubt() refusal.Refusal {
	switch {
	case c.Synced:
		return refusal.Refusal{}
	case c.Moved != 0:
		return refuse.ClockMoved(refuse.Span(c.Moved))
	case c.Asked && !c.LastTrusted.IsZero() && c.Now.Add(-c.Ran).Sub(c.LastTrusted) > MaxClockRest:
		return refuse.ClockAhead(c.Now, c.LastTrusted)
	}
	return refusal.Refusal{}
}

// Behind returns why no token may be issued although the clock is otherwise not in doubt: a token was issued at a later time than now.
func (c Clock) Behind() refusal.Refusal {
	if c.Now.Before(c.Newest.Add(-MaxClockBack)) {
		return refuse.ClockBehind(c.Now, c.Newest)
	}
	return refusal.Refusal{}
}

// behindAt applies [Clock.Behind] to the time of a transaction.
func behindAt(t sale.Times, now time.Time) refusal.Refusal {
	return Clock{Now: now, Newest: t.Newest}.Behind()
}

// clockGuard holds the facts that this process knows about its clock. If the clock is moved, running time and wall time differ by more than
// [MaxClockJump].
type clockGuard struct {
	mu      sync.Mutex
	running func() time.Time // returns the running time by its monotonic reading; if nil, the clock's time is used
	synced  func() bool      // asks the time service; nil: there is no time service
	began   time.Time        // running time when the process started
	asked   bool             // it is still open whether the clock was right when the process started
	last    time.Time        // clock at the last look
	ran     time.Time        // running time at the last look
	off     time.Duration    // by how much the clock was moved since it was last trusted
	since   time.Time        // when that move was noticed, by the clock
	seen    sale.Times       // the store's times at the last look
}

func (g *clockGuard) start(now time.Time) {
	g.last, g.ran = now, g.runs(now)
	g.began = g.ran
}

// ask opens the question whether the clock was right at the start.
func (g *clockGuard) ask(t sale.Times) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked, g.seen = true, t
}

func (g *clockGuard) runs(now time.Time) time.Time {
	if g.running == nil {
		return now
	}
	return g.running()
}

// look checks the clock and returns why it is in doubt. Once the time service, a person or the clock itself has settled a doubt, this doubt
// does not come back.
func (g *clockGuard) look(now time.Time, t sale.Times) refusal.Refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.asked {
		g.step(now)
	}
	if !t.Trusted.Equal(g.seen.Trusted) && !t.Trusted.Before(g.since) {
		g.off = 0
	}
	g.seen = t
	c := Clock{Now: now, LastTrusted: t.LastTrusted, Ran: g.runs(now).Sub(g.began), Asked: g.asked, Moved: g.off}
	if t.Newest.After(c.LastTrusted) {
		c.LastTrusted = t.Newest
	}
	if c.Doubt().Refused() && g.synced != nil {
		c.Synced = g.synced()
	}
	no := c.Doubt()
	if !no.Refused() && (g.asked || !g.since.IsZero()) {
		g.asked, g.last, g.ran, g.off, g.since = false, now, g.runs(now), 0, time.Time{}
	}
	return no
}

// again does the same as look, without asking the store.
func (g *clockGuard) again(now time.Time) refusal.Refusal {
	g.mu.Lock()
	t := g.seen
	g.mu.Unlock()
	return g.look(now, t)
}

// open reports whether the question of [clockGuard.ask] is still open: was the clock right at the start?
func (g *clockGuard) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

// step adds the time by which the wall clock has moved ahead of the running time since the last look.
func (g *clockGuard) step(now time.Time) {
	wall, ran := now.Round(0).Sub(g.last.Round(0)), g.runs(now)
	running := ran.Sub(g.ran)
	g.last, g.ran = now, ran
	switch was := g.off; {
	case g.moved(wall-running) == 0:
		g.since = time.Time{}
	case was == 0:
		g.since = now.Round(0).Truncate(time.Microsecond)
	}
}

// moved adds a gain of the clock to the earlier gains, and returns the sum. It replaces a small sum by 0 at once, because a clock that a
// time service adjusts drifts all the time.
func (g *clockGuard) moved(gain time.Duration) time.Duration {
	if g.off += gain; g.off.Abs() <= MaxClockJump {
		g.off = 0
	}
	return g.off
}
