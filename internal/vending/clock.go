package vending

import (
	"sync"
	"time"
)

// clockGuard notices that the wall clock was moved while the program ran: running time and wall time part by more
// than [MaxClockJump]. Until it is moved back, or somebody says that it is right, nothing is sold, because a TID taken
// from a wrong clock cannot be taken back. A clock that was wrong from the start is met by the newest issue time.
type clockGuard struct {
	mu      sync.Mutex
	running func() time.Time // tells the running time by its monotonic reading; nil: the clock itself does
	last    time.Time        // of the clock
	ran     time.Time        // of the running time, then
	off     time.Duration    // by how much the clock was moved and not trusted since
}

func (g *clockGuard) start(now time.Time) { g.last, g.ran = now, g.runs(now) }

func (g *clockGuard) runs(now time.Time) time.Time {
	if g.running == nil {
		return now
	}
	return g.running()
}

// jumped takes a look at the clock and reports by how much it was moved since it was last trusted, 0 for less than
// the limit.
func (g *clockGuard) jumped(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	wall := now.Round(0).Sub(g.last.Round(0))
	ran := g.runs(now)
	running := ran.Sub(g.ran)
	g.last, g.ran = now, ran
	return g.moved(wall - running)
}

// moved adds what the wall clock gained on the running time since the last look. What is small is forgotten at once:
// a clock under discipline drifts for ever without being wrong.
func (g *clockGuard) moved(gain time.Duration) time.Duration {
	if g.off += gain; g.off.Abs() <= MaxClockJump {
		g.off = 0
	}
	return g.off
}

// trust accepts the clock as it stands.
func (g *clockGuard) trust(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last, g.ran, g.off = now, g.runs(now), 0
}
