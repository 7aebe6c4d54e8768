package meter

import (
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// saveEnergy and saveTime bound what a crash without a save loses, to the customer's gain (domain reference §4.10).
const (
	saveEnergy unit.Energy = 100
	saveTime               = 15 * 60 // seconds
)

// rearm is the least distance above a threshold at which its warning is armed again.
const rearm = 500 // Wh

// energy counts what an energy event brings.
func (x *step) energy() {
	switch x.ev.Kind {
	case EventPulses:
		rem := uint64(x.s.PulseRem) + uint64(x.ev.Pulses)*1000
		imp := uint64(x.s.Imp)
		x.s.PulseRem = uint32(rem % imp)
		x.consume(unit.Energy(rem / imp))
	case EventEnergy:
		x.consume(x.ev.Energy)
	}
}

// count adds d to the register and takes it from the credit. It never refuses to count. A negative d, which no chip
// gives, counts nothing.
func (x *step) count(d unit.Energy) {
	if d <= 0 {
		return
	}
	s := x.s
	s.Register += d
	fromBalance := min(s.Balance, d)
	s.Balance -= fromBalance
	s.Overrun += d - fromBalance
}

// consume counts d and draws the consequences.
func (x *step) consume(d unit.Energy) {
	s := x.s
	x.count(d)
	if d <= 0 || s.Frozen {
		return
	}
	x.settle()
	if unit.Energy(s.Unsaved)+d >= saveEnergy {
		x.checkpoint()
	} else {
		s.Unsaved += uint8(d)
	}
}

// credit adds c: what was used beyond the credit is paid back first (domain reference §4.1).
func (s *State) credit(c unit.Energy) {
	paid := min(s.Overrun, c)
	s.Overrun -= paid
	c -= paid
	paid = min(unit.Energy(s.ECUsed), c)
	s.ECUsed -= int32(paid)
	s.Balance += c - paid
}

// overflows reports whether c more credit would exceed the limit.
func (s *State) overflows(c, limit unit.Energy) bool {
	return s.Balance+max(0, c-s.Overrun-unit.Energy(s.ECUsed)) > limit
}

// settle draws the consequences of a changed credit or a changed reason: warnings, the reason CREDIT, the relay, the
// light. It changes nothing when nothing has changed.
func (x *step) settle() {
	x.warn()
	ended := x.judgeCredit()
	x.moveRelay()
	if ended {
		x.sound(BuzzerTone, toneTime)
	}
	x.light()
}

// judgeCredit sets or clears the reason CREDIT and reports whether the credit has just ended.
func (x *step) judgeCredit() (ended bool) {
	s := x.s
	switch available := s.Available(x.c); {
	case s.Reasons.Has(supply.Credit) && available > x.c.Clearance:
		s.Reasons = s.Reasons.Without(supply.Credit)
		x.event(CodeRestored, int64(s.Balance), 0)
	case !s.Reasons.Has(supply.Credit) && available <= x.c.Cutoff:
		x.set(supply.Credit)
		x.event(CodeExhausted, int64(s.Overrun), 0)
		x.message(MessageCutOff)
		return true
	}
	return false
}

// rescale converts the remainder when the meter chip's constant changes: the energy stays, rounded down to the new unit.
func (x *step) rescale() {
	s := x.s
	if s.Imp == x.c.ImpPerKWh {
		return
	}
	s.PulseRem = uint32(uint64(s.PulseRem) * uint64(x.c.ImpPerKWh) / uint64(s.Imp))
	s.Imp = x.c.ImpPerKWh
}
