package device

import (
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// clock is the meter's two times: the one since boot, which only rises, and the one of the calendar, which can be set.
type clock struct {
	// up is the time since boot in milliseconds.
	up uint64
	// at is the calendar's time in Unix milliseconds.
	at      int64
	quality meter.Clock
}

// pass lets time go by.
func (c *clock) pass(ms uint64) { c.up, c.at = c.up+ms, c.at+int64(ms) }

// time returns the calendar's time.
func (c *clock) time() time.Time { return time.UnixMilli(c.at).UTC() }

// impulse is one impulse of the meter chip in the unit of chip.rem: 1 kWh is 3.6·10⁹ watt-milliseconds, and a meter
// with the constant imp gives imp impulses for it.
const impulse = 3_600_000_000

// Limits under which the arithmetic of the chip stays within 64 bits: a load of 1 MW, a constant of 1,000,000 imp/kWh
// and an hour make 3.6·10¹⁸, and the remainder less than one impulse more.
const (
	// MaxLoad is the largest load a board can have.
	MaxLoad unit.Power = 1_000_000
	maxPass            = uint64(time.Hour / time.Millisecond)
)

// chip turns a constant load into impulses, exactly: what is less than an impulse is kept for the next.
type chip struct {
	// rem is energy below one impulse in W·ms·imp/kWh.
	rem uint64
	imp uint32
}

// run measures a load for at most maxPass milliseconds and returns the impulses.
func (m *chip) run(load unit.Power, ms uint64) uint32 {
	m.rem += uint64(load) * ms * uint64(m.imp)
	n := m.rem / impulse
	m.rem -= n * impulse
	return uint32(n)
}

// until returns after how many milliseconds of a load, which is not 0, the n-th impulse comes, at most maxPass.
func (m *chip) until(load unit.Power, n uint64) uint64 {
	rate := uint64(load) * uint64(m.imp)
	if n > (rate*maxPass+m.rem)/impulse {
		return maxPass
	}
	return (n*impulse - m.rem + rate - 1) / rate
}

// setImp changes the constant; what is below an impulse keeps its energy, rounded down.
func (m *chip) setImp(imp uint32) {
	if m.imp != 0 {
		m.rem = m.rem * uint64(imp) / uint64(m.imp)
	}
	m.imp = imp
}

// contactRest is how long the contact rests between two operations (domain reference, section 3).
const contactRest = 5 * time.Second

// contact is the relay itself. It latches: without power it stays where it is.
type contact struct {
	closed bool
	// wanted is what the meter decided; a close that comes too early waits until readyAt, an open never waits.
	wanted  bool
	moved   bool
	readyAt uint64
}

// want takes the meter's decision at a time since boot, and reports whether the contact moved.
func (r *contact) want(closed bool, up uint64) bool {
	r.wanted = closed
	return r.settle(up)
}

// settle moves the contact where it is wanted, if it may.
func (r *contact) settle(up uint64) bool {
	if r.closed == r.wanted || (r.wanted && r.moved && up < r.readyAt) {
		return false
	}
	r.closed, r.moved = r.wanted, true
	r.readyAt = up + uint64(contactRest/time.Millisecond)
	return true
}

// restart begins a new boot: the time since boot starts at 0 again, and with it the rest.
func (r *contact) restart() { r.readyAt, r.moved = 0, false }

// waiting returns the time since boot at which a delayed close is due.
func (r *contact) waiting() (up uint64, is bool) { return r.readyAt, r.wanted && !r.closed }
