package vending

import (
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
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
	Moved       time.Duration // by how much the clock was moved since it was last trusted, also before the process started
	Synced      bool          // the system's time service reports that it keeps the clock
}

// Doubt returns why the clock may not date anything, unless the time service confirms the clock. There are two reasons. The first is that
// the clock was moved. The second is that the program started more than [MaxClockRest], by its clock, after the last moment at which the
// clock was trusted. A server that was off for so long is in doubt too, because it looks the same as one whose clock jumped.
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

// clockGuard holds the facts that this process knows about its clock. If the clock is moved, in one step or in several within [ClockWindow],
// running time and wall time differ by more than [MaxClockJump]. A [sale.ClockRecord] hands the steps to the next process.
type clockGuard struct {
	mu      sync.Mutex
	machine func() (boot string, up time.Duration) // see [Config.Machine]; may be nil
	running func() time.Time                       // returns the running time by its monotonic reading; if nil, the clock's time is used
	synced  func() bool                            // asks the time service; nil: there is no time service
	began   time.Time                              // running time when the process started
	asked   bool                                   // it is still open whether the clock was right when the process started
	last    time.Time                              // clock at the last look
	ran     time.Time                              // running time at the last look
	off     time.Duration                          // by how much the clock was moved since it was last trusted; 0 while it is trusted
	steps   []clockStep                            // steps of the last [ClockWindow], the oldest first
	since   time.Time                              // when that move was noticed, by the clock
	stored  sale.ClockRecord                       // what the store has
	seen    sale.Times                             // the store's times at the last look
}

func (g *clockGuard) start(now time.Time) {
	g.last, g.ran = now, g.runs(now)
	g.began = g.ran
}

// ask opens the question whether the clock was right at the start. It goes on from what an earlier process has recorded.
func (g *clockGuard) ask(now time.Time, t sale.Times, r sale.ClockRecord) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked, g.seen, g.stored = true, t, r
	var boot string
	var up time.Duration
	if g.machine != nil {
		boot, up = g.machine()
	}
	g.off, g.steps = sinceRecord(r, now, boot, up)
	if g.moved(g.runs(now).Sub(g.began), 0) != 0 {
		g.since = now.Round(0).Truncate(time.Microsecond)
	}
}

// sinceRecord returns by how much the clock was off at the record, and the steps until now, as the process that starts now counts hours.
// If the machine has run since the record, its running time shows what happened to the clock meanwhile. Otherwise only a clock
// that is behind its record was certainly moved.
func sinceRecord(r sale.ClockRecord, now time.Time, boot string, up time.Duration) (off time.Duration, steps []clockStep) {
	if r.At.IsZero() {
		return 0, nil
	}
	wall := now.Round(0).Sub(r.At)
	passed, by := max(0, wall), min(0, wall)
	if boot != "" && boot == r.Boot && up >= r.Up {
		passed = up - r.Up
		by = wall - passed
	}
	hours := int64(passed / time.Hour)
	for _, s := range r.Steps {
		steps = append(steps, clockStep{-s.HoursAgo - hours, s.By})
	}
	if off = r.Off; off != 0 {
		off += by
	}
	return off, append(steps, clockStep{0, by})
}

// record returns what the next process must know, and whether it differs from what is stored by so much that it cannot wait for the next note.
func (g *clockGuard) record(now time.Time) (r sale.ClockRecord, urgent bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r = sale.ClockRecord{At: access.Stored(now), Off: g.off}
	if g.machine != nil {
		r.Boot, r.Up = g.machine()
	}
	hour := int64(g.runs(now).Sub(g.began) / time.Hour)
	for _, s := range g.steps {
		r.Steps = append(r.Steps, sale.ClockStep{HoursAgo: hour - s.hour, By: s.by})
	}
	return r, (r.Moved()-g.stored.Moved()).Abs() > clockNoise || r.Off != 0 && r.At.Sub(g.stored.At).Abs() >= noteEvery
}

// recorded notes that the store has a record.
func (g *clockGuard) recorded(r sale.ClockRecord) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stored = r
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
	if !g.asked || g.off != 0 { // while only the start is in question, setting the clock right does not count as moving it
		g.step(now)
	}
	if !t.Trusted.Equal(g.seen.Trusted) && !t.Trusted.Before(g.since) {
		g.trust()
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
	if no.Refused() {
		return no
	}
	if g.asked {
		g.asked, g.last, g.ran = false, now, g.runs(now)
	}
	if c.Synced { // it is asked only about a doubt, which it has settled
		g.trust()
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
	case g.moved(ran.Sub(g.began), wall-running) == 0:
		g.since = time.Time{}
	case was == 0:
		g.since = now.Round(0).Truncate(time.Microsecond)
	}
}

// clockStep is by how much the wall clock got ahead of the running time in one hour of it.
type clockStep struct {
	hour int64 // of the running time of the process; negative before it started
	by   time.Duration
}

// afterStep adds a step to those of the last [ClockWindow], and returns them with their sum. Steps of one hour are one, so that a clock that a time
// service adjusts all the time costs no memory. Older steps are forgotten: a clock drifts by seconds in a day, which adds up over months.
func afterStep(steps []clockStep, ran, by time.Duration) ([]clockStep, time.Duration) {
	hour, sum := int64(ran/time.Hour), by
	var out []clockStep
	for _, s := range steps {
		if time.Duration(hour-s.hour)*time.Hour > ClockWindow {
			continue
		}
		sum += s.by
		if s.hour == hour {
			by += s.by
			continue
		}
		out = append(out, s)
	}
	return append(out, clockStep{hour, by}), sum
}

// moved takes a step of the clock after some running time, and returns by how much the clock is off. While it is trusted, that is the sum of the steps
// in the window if it is more than [MaxClockJump], otherwise 0. Once it is in doubt, time alone does not make it right: then every step counts.
func (g *clockGuard) moved(ran, by time.Duration) time.Duration {
	doubted := g.off != 0
	var sum time.Duration
	g.steps, sum = afterStep(g.steps, ran, by)
	if doubted {
		sum = g.off + by
	}
	switch {
	case sum.Abs() > MaxClockJump:
		g.off = sum
	case doubted: // it was moved back: what is left counts as one step of now
		g.off, g.steps = 0, []clockStep{{int64(ran / time.Hour), sum}}
	default:
		g.off = 0
	}
	return g.off
}

// trust forgets the steps of the clock, because somebody who knows has confirmed it.
func (g *clockGuard) trust() { g.off, g.steps, g.since = 0, nil, time.Time{} }
