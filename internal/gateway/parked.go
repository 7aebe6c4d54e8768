package gateway

import "time"

// parked are the subscriptions of a meter without a connection. They are the whole session of a meter: what waits for it is in the
// outbox.
type parked struct {
	filters filters
	until   time.Time
}

// resume returns the subscriptions of a meter that connects again, unless it wants a new session. They come from its previous
// connection, if that is still open. The caller makes the new connection the meter's.
func (g *Gateway) resume(number string, clean bool) (filters, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, there := g.parked[number]
	delete(g.parked, number)
	before := g.meters[number]
	switch {
	case clean:
	case before != nil && before.outlives():
		return before.subscriptions(), true
	case there && g.now().Before(p.until):
		return p.filters, true
	}
	return nil, false
}

// outlives reports whether the subscriptions outlive the connection.
func (s *session) outlives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lifetime > 0
}

// sweepEvery is the shortest time between two searches for subscriptions whose time is over.
const sweepEvery = time.Minute

// park stores the subscriptions of a meter whose connection has ended. The caller holds mu. At the limit of connections it first
// removes those whose time is over, and if there are none it stores nothing: the meter then subscribes again.
func (g *Gateway) park(s *session) {
	s.mu.Lock()
	p, lifetime := parked{filters: s.filters}, s.lifetime
	s.mu.Unlock()
	if lifetime <= 0 {
		return
	}
	now := g.now()
	if len(g.parked) >= g.limits.Connections && now.Sub(g.swept) >= sweepEvery {
		g.swept = now
		for number, old := range g.parked {
			if !now.Before(old.until) {
				delete(g.parked, number)
			}
		}
	}
	if len(g.parked) < g.limits.Connections {
		p.until = now.Add(lifetime)
		g.parked[s.who.Number] = p
	}
}
