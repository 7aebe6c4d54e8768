package broker

import "time"

// parked are the subscriptions of a meter without a connection. They are the whole session of a meter: what waits for it is in the
// outbox.
type parked struct {
	filters filters
	until   time.Time
}

// resume returns the subscriptions of a meter that connects again, unless it wants a new session. They come from its previous
// connection, if that is still open. The caller makes the new connection the meter's.
func (b *Broker) resume(number string, clean bool) (filters, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, there := b.parked[number]
	delete(b.parked, number)
	before := b.meters[number]
	switch {
	case clean:
	case before != nil && before.outlives():
		return before.subscriptions(), true
	case there && b.now().Before(p.until):
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
func (b *Broker) park(s *session) {
	s.mu.Lock()
	p, lifetime := parked{filters: s.filters}, s.lifetime
	s.mu.Unlock()
	if lifetime <= 0 {
		return
	}
	now := b.now()
	if len(b.parked) >= b.limits.Connections && now.Sub(b.swept) >= sweepEvery {
		b.swept = now
		for number, old := range b.parked {
			if !now.Before(old.until) {
				delete(b.parked, number)
			}
		}
	}
	if len(b.parked) < b.limits.Connections {
		p.until = now.Add(lifetime)
		b.parked[s.who.Number] = p
	}
}
