// Package virtual has the parts of a virtual board that no other package has: a metering chip in front of a load, a
// relay, and tamper switches. Their time is virtual: it passes when the meter says so.
package virtual

import (
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// impulse is the energy of one impulse in the unit of Chip.rem. 1 kWh is 3.6·10⁹ watt-milliseconds. A meter with the
// constant imp gives imp impulses for 1 kWh.
const impulse = 3_600_000_000

// Limits that keep the arithmetic of the chip within 64 bits: a load of 1 MW, a constant of 1,000,000 imp/kWh and an
// hour make 3.6·10¹⁸, and the remainder adds less than one impulse.
const (
	// MaxLoad is the largest load a board can have.
	MaxLoad unit.Power = 1_000_000
	// MaxPass is the longest time in milliseconds that Count handles at once, and the most that Next returns.
	MaxPass = uint64(time.Hour / time.Millisecond)
)

// mains is the voltage of a board that has mains, in millivolts.
const mains = 230_000

// Chip turns a constant load into impulses, exactly: energy below one impulse is carried to the next.
type Chip struct {
	// rem is energy below one impulse in W·ms·imp/kWh.
	rem   uint64
	imp   uint32
	load  unit.Power
	on    bool
	relay *Relay
}

// NewChip returns a chip whose load is behind a relay. rem is the energy below one impulse that it held when it lost
// its mains.
func NewChip(relay *Relay, imp uint32, rem uint64) *Chip {
	return &Chip{relay: relay, imp: imp, rem: rem}
}

// SetLoad switches on a load behind the meter, from 0 to MaxLoad.
func (c *Chip) SetLoad(w unit.Power) { c.load = w }

// Load returns the load behind the meter, whether or not supply is on.
func (c *Chip) Load() unit.Power { return c.load }

// Mains tells the chip whether the mains is on.
func (c *Chip) Mains(on bool) { c.on = on }

// Rest returns the energy below one impulse.
func (c *Chip) Rest() uint64 { return c.rem }

// Power implements board.Pulses. It is 0 while the contact is open.
func (c *Chip) Power() unit.Power {
	if !c.on || !c.relay.closed {
		return 0
	}
	return c.load
}

// Voltage implements board.Pulses.
func (c *Chip) Voltage() int32 {
	if !c.on {
		return 0
	}
	return mains
}

// Count implements board.Pulses.
func (c *Chip) Count(ms uint64) uint32 {
	c.rem += uint64(c.Power()) * min(ms, MaxPass) * uint64(c.imp)
	n := c.rem / impulse
	c.rem -= n * impulse
	return uint32(n)
}

// Next implements board.Pulses.
func (c *Chip) Next(n uint64) uint64 {
	rate := uint64(c.Power()) * uint64(c.imp)
	if rate == 0 || n > (rate*MaxPass+c.rem)/impulse {
		return MaxPass
	}
	return (n*impulse - c.rem + rate - 1) / rate
}

// Constant implements board.Pulses. It converts the energy below one impulse to the new constant, rounded down.
func (c *Chip) Constant(imp uint32) {
	if c.imp != 0 {
		c.rem = c.rem * uint64(imp) / uint64(c.imp)
	}
	c.imp = imp
}

// Relay is a latching contact.
type Relay struct{ closed bool }

// NewRelay returns a relay in its last position.
func NewRelay(closed bool) *Relay { return &Relay{closed: closed} }

// Move implements board.Relay.
func (r *Relay) Move(closed bool) error {
	r.closed = closed
	return nil
}

// Closed implements board.Relay.
func (r *Relay) Closed() (bool, error) { return r.closed, nil }

// Switches are tamper switches with a battery-backed latch.
type Switches struct {
	open, latched meter.Tampers
	mains         bool
}

// SwitchesSaved is the state of the switches, and of the latch that the battery preserves.
type SwitchesSaved struct{ Open, Latched meter.Tampers }

// NewSwitches returns switches in their last state.
func NewSwitches(s SwitchesSaved) *Switches { return &Switches{open: s.Open, latched: s.Latched} }

// Saved returns the state of the switches.
func (s *Switches) Saved() SwitchesSaved { return SwitchesSaved{Open: s.open, Latched: s.latched} }

// Mains tells the switches whether the mains is on. Without it only the latch notices a switch that opens.
func (s *Switches) Mains(on bool) { s.mains = on }

// Set opens a switch, as tampering does, or closes it again.
func (s *Switches) Set(kind meter.Tamper, open bool) {
	if !open {
		s.open = s.open.Without(kind)
		return
	}
	s.open = s.open.With(kind)
	if !s.mains {
		s.latched = s.latched.With(kind)
	}
}

// Open implements board.Switches.
func (s *Switches) Open() meter.Tampers { return s.open }

// Latched implements board.Switches.
func (s *Switches) Latched() meter.Tampers {
	l := s.latched
	s.latched = 0
	return l
}
