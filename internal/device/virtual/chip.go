// Package virtual is the parts of a virtual board that no other package has: a meter chip before a load, a relay,
// and switches for tampering. Their time is virtual: it passes when the meter says so.
package virtual

import (
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// impulse is one impulse of the meter chip in the unit of Chip.rem: 1 kWh is 3.6·10⁹ watt-milliseconds, and a meter
// with the constant imp gives imp impulses for it.
const impulse = 3_600_000_000

// Limits under which the arithmetic of the chip stays within 64 bits: a load of 1 MW, a constant of 1,000,000 imp/kWh
// and an hour make 3.6·10¹⁸, and the remainder less than one impulse more.
const (
	// MaxLoad is the largest load a board can have.
	MaxLoad unit.Power = 1_000_000
	// MaxPass is the longest time in milliseconds that Count takes at once, and the most that Next returns.
	MaxPass = uint64(time.Hour / time.Millisecond)
)

// mains is the voltage of a board that has mains, in millivolts.
const mains = 230_000

// Chip turns a constant load into impulses, exactly: what is less than an impulse is kept for the next.
type Chip struct {
	// rem is energy below one impulse in W·ms·imp/kWh.
	rem   uint64
	imp   uint32
	load  unit.Power
	on    bool
	relay *Relay
}

// NewChip returns a chip whose load hangs behind a relay. rem is what it held when it lost its mains.
func NewChip(relay *Relay, imp uint32, rem uint64) *Chip {
	return &Chip{relay: relay, imp: imp, rem: rem}
}

// SetLoad switches a load on behind the meter, 0 to MaxLoad.
func (c *Chip) SetLoad(w unit.Power) { c.load = w }

// Load is the load that is switched on, whether it gets any supply or not.
func (c *Chip) Load() unit.Power { return c.load }

// Mains says whether there is any.
func (c *Chip) Mains(on bool) { c.on = on }

// Rest is what the chip holds below an impulse.
func (c *Chip) Rest() uint64 { return c.rem }

// Power implements board.Pulses: nothing flows while the contact is open.
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

// Constant implements board.Pulses; what is below an impulse keeps its energy, rounded down.
func (c *Chip) Constant(imp uint32) {
	if c.imp != 0 {
		c.rem = c.rem * uint64(imp) / uint64(c.imp)
	}
	c.imp = imp
}

// Relay is a latching contact.
type Relay struct{ closed bool }

// NewRelay returns a relay where it was left.
func NewRelay(closed bool) *Relay { return &Relay{closed: closed} }

// Move implements board.Relay.
func (r *Relay) Move(closed bool) error {
	r.closed = closed
	return nil
}

// Closed implements board.Relay.
func (r *Relay) Closed() (bool, error) { return r.closed, nil }

// Switches are tamper switches with a latch on a battery.
type Switches struct {
	open, latched meter.Tampers
	mains         bool
}

// SwitchesSaved is what the battery keeps, and the switches as they stand.
type SwitchesSaved struct{ Open, Latched meter.Tampers }

// NewSwitches returns switches as they were left.
func NewSwitches(s SwitchesSaved) *Switches { return &Switches{open: s.Open, latched: s.Latched} }

// Saved returns how they stand.
func (s *Switches) Saved() SwitchesSaved { return SwitchesSaved{Open: s.open, Latched: s.latched} }

// Mains says whether there is any. Without it the latch notices what is opened.
func (s *Switches) Mains(on bool) { s.mains = on }

// Set opens a switch, as tampering does, or puts it right.
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
