package wallet

import (
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// DeviceMemory is the memory that readings of devices of a profile are numbered in. The server makes these readings, and
// leaves out what is below the profile's noise threshold.
const DeviceMemory = "profile"

// stray is how much a meter of our own may count after its relay has opened: an impulse that was under way, and a few
// that disturbances make.
const stray = 10 * unit.WattHour

// SaysOpen reports whether a reading confirms that the relay is open: it says so, and that something keeps it open.
func SaysOpen(relay string, reasons bool) bool { return relay == supply.Open.String() && reasons }

// stillOpen reports whether the relay was open at the reading rated last and at this one, and the meter neither started
// nor changed its memory in between. A meter reports each move of its relay, so it was open all the time.
func (s State) stillOpen(r Reading) bool {
	return s.Open && r.Open && r.Store == s.Store && r.Up >= s.Up
}

// drawn reports whether a meter counted energy while its relay was open. Whoever says "off" and draws power is broken or
// cheats, so nothing of it is charged before a person has decided.
func (s State) drawn(r Reading) bool {
	allowed := stray
	if r.Store == DeviceMemory {
		allowed = 0
	}
	return s.stillOpen(r) && r.Register-s.OpenFrom > allowed
}

// follow notes whether the relay is open at a reading that is rated. It is called before the reading takes its place.
func (s *State) follow(r Reading) {
	switch {
	case !r.Open:
		s.Open, s.OpenFrom = false, 0
	case !s.stillOpen(r):
		s.Open, s.OpenFrom = true, r.Register
	}
}

// decided notes that a person has decided about what was counted up to the register rated now.
func (s *State) decided(h Held) {
	s.Open, s.OpenFrom = h.Reason == HoldOpen, 0
	if s.Open {
		s.OpenFrom = s.Register
	}
}

// passOver goes on from a reading without charging for what was counted up to it.
func (s *State) passOver(r Reading, t Terms) {
	s.At, s.Base = s.until(r, t), s.Base+r.Register-s.Register
	s.Store, s.Seq, s.Register, s.Up, s.OpenFrom = r.Store, r.Seq, r.Register, r.Up, r.Register
}
