package wallet

import (
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// DeviceMemory is the memory in which readings of devices with a profile are numbered. The server makes these readings, and leaves out
// changes below the profile's noise threshold.
const DeviceMemory = "profile"

// stray is how much a meter of Paywatt's own protocol may count after its relay opened: a pulse in progress, and a few pulses from
// interference.
const stray = 10 * unit.WattHour

// SaysOpen reports whether a reading confirms that the relay is open: the reading says so, and names a reason that keeps it open.
func SaysOpen(relay string, reasons bool) bool { return relay == supply.Open.String() && reasons }

// stillOpen reports whether the relay was open at the reading rated last and at the reading r, and the meter neither restarted nor changed
// its memory in between. A meter reports each move of its relay, so the relay was open all the time.
func (s State) stillOpen(r Reading) bool {
	return s.Open && r.Open && r.Memory == s.Memory && r.Up >= s.Up
}

// drawn reports whether a meter counted energy while its relay was open. A meter that says "off" and draws power is broken or was tampered
// with, so the energy is not charged before a person has decided.
func (s State) drawn(r Reading) bool {
	allowed := stray
	if r.Memory == DeviceMemory {
		allowed = 0
	}
	return s.stillOpen(r) && r.Register-s.OpenFrom > allowed
}

// follow records whether the relay is open at a reading that is rated. Call it before the reading is stored in the state.
func (s *State) follow(r Reading) {
	switch {
	case !r.Open:
		s.Open, s.OpenFrom = false, 0
	case !s.stillOpen(r):
		s.Open, s.OpenFrom = true, r.Register
	}
}

// goOn takes a reading while energy through an open relay is held. If the relay is still open and the register can be true, all energy
// counted up to this reading is held too, and goOn returns nil. Otherwise the held energy is left out of the register and rating continues.
// In that case goOn returns the held energy, which waits for a decision.
func (s *State) goOn(r Reading, t Terms) (drawn *HeldEnergy) {
	before := *s
	before.leaveOut()
	before.Open = false
	if to := s.until(r, t); s.stillOpen(r) && before.doubt(r, to, t) == "" {
		s.Ahead = before.energyBeyond(r, to, t)
		s.At, s.Seq, s.Up, s.OpenFrom = to, r.Seq, r.Up, r.Register
		return nil
	}
	drawn = &HeldEnergy{Memory: s.Held.Memory, Seq: s.Held.Seq, Register: s.OpenFrom}
	s.leaveOut()
	return drawn
}

// HeldEnergy is energy that was counted while the relay was open. It goes up to Register, and waits for a
// decision once the relay has closed. Memory and Seq identify the
// reading at which it was held.
type HeldEnergy struct {
	Memory   string
	Seq      uint64
	Register unit.Energy
}

// leaveOut continues from the register up to which energy is held, without charging for it.
func (s *State) leaveOut() {
	s.Base += s.OpenFrom - s.Register
	s.Register, s.Held = s.OpenFrom, Held{}
}

// counted returns the row on which the supply is decided: held energy costs nothing so far, and the row has the register that the meter
// reports.
func (r Row) counted() Row {
	if r.Held.Reason == HoldOpen {
		r.leaveOut()
	}
	return r
}

// charge rates energy that was left out. It uses the prices of the moment s.At, up to which the meter is already rated.
func (s State) charge(units unit.Energy, t Terms) (State, Taken, error) {
	register := s.Register
	next, out, err := s.rate(Reading{Memory: s.Memory, Seq: s.Seq, Up: s.Up, Register: register + units, Open: s.Open}, s.At, t)
	if err != nil {
		return s, Taken{}, err
	}
	next.Register, next.Base, next.OpenFrom = register, next.Base-units, s.OpenFrom
	return next, out, nil
}
