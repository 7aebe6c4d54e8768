package meter

import (
	"math"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// saveEnergy and saveTime bound the consumption that a crash loses, in the customer's favour
// (docs/reference/meter-rules.md#what-is-stored-and-when).
const (
	saveEnergy unit.Energy = 100
	saveTime               = 15 * 60 // seconds
)

// rearm is how far the credit must rise above a threshold before its warning is armed again.
const rearm = 500 // Wh

// energy counts the energy of an event.
func (x *step) energy() {
	switch x.ev.Kind {
	case EventPulses:
		d, rem := x.s.impulses(x.ev.Pulses)
		x.s.PulseRem = rem
		x.consume(d)
	case EventEnergy:
		x.consume(x.ev.Energy)
		x.export(x.ev.Export)
	}
}

// count adds d to the register and subtracts it from the credit, in every state. It ignores a negative d, which no chip gives.
func (x *step) count(d unit.Energy) {
	if d <= 0 {
		return
	}
	s := x.s
	s.Register += d
	s.Day.Used += uint32(d)
	s.Month.Used += uint32(d)
	x.debit(d)
}

// debit takes d from the credit: the balance first, then the emergency credit if it is active; the rest is overrun.
func (x *step) debit(d unit.Energy) {
	s := x.s
	part := min(s.Balance, d)
	s.Balance -= part
	d -= part
	if d > 0 && s.EC == ECActive {
		part = min(s.ECLeft(x.c), d)
		s.ECUsed += int32(part)
		d -= part
	}
	s.Overrun += d
}

// export counts energy that flowed the other way. It adds credit only with net metering.
func (x *step) export(d unit.Energy) {
	s := x.s
	if d <= 0 {
		return
	}
	s.Export = uint32(min(unit.Energy(s.Export)+d, math.MaxUint32))
	if s.Frozen {
		return
	}
	switch {
	case s.Wallet():
		// The server decides what the exported energy is worth.
	case x.c.ReverseDebit:
		x.debit(d)
	case x.c.NetMetering:
		x.credit(min(d, max(0, x.c.MaxBalance-s.Balance)))
	}
	x.used(d)
}

// consume counts d and applies its effects.
func (x *step) consume(d unit.Energy) {
	s := x.s
	x.count(d)
	if d <= 0 || s.Frozen {
		return
	}
	x.used(d)
}

// used applies the effects of energy that has been counted.
func (x *step) used(d unit.Energy) {
	s := x.s
	x.settle()
	if x.save {
		return
	}
	if unit.Energy(s.Unsaved)+d >= saveEnergy {
		x.checkpoint()
	} else {
		s.Unsaved += uint8(d)
	}
}

// credit adds c; overrun and emergency credit are paid back first (docs/reference/meter-rules.md#credit).
func (x *step) credit(c unit.Energy) {
	s := x.s
	used := s.ECUsed
	paid := min(s.Overrun, c)
	s.Overrun -= paid
	c -= paid
	paid = min(unit.Energy(s.ECUsed), c)
	s.ECUsed -= int32(paid)
	s.Balance += c - paid
	if s.Overrun == 0 {
		s.Flags &^= FlagOverrun
	}
	x.repaid(used)
}

// overflows reports whether c more credit would exceed the limit.
func (s *State) overflows(c, limit unit.Energy) bool {
	return s.Balance+max(0, c-s.Overrun-unit.Energy(s.ECUsed)) > limit
}

// settle updates warnings, the reason CREDIT, the relay and the light after the credit or a reason has changed. It is
// idempotent.
func (x *step) settle() {
	x.s.bucket()
	ended := false
	if x.s.Wallet() {
		x.warn()
		ended = x.judgeLeft()
	} else {
		x.emergency()
		x.warn()
		ended = x.judgeCredit()
	}
	x.moveRelay()
	if ended {
		x.sound(BuzzerTone, toneTime)
	}
	x.light()
}

// judgeCredit sets or clears the reason CREDIT, or the lifeline in its place, and reports whether the credit has just
// ended. A friendly window only prevents a new cut-off: a supply that is off stays off.
func (x *step) judgeCredit() (ended bool) {
	s, c := x.s, x.c
	available := s.Available(c)
	off, lifeline := s.Reasons.Has(supply.Credit), s.Flags.Has(FlagLifeline)
	switch {
	case off || lifeline:
		switch {
		case available > c.Clearance:
			s.Reasons, s.Flags = s.Reasons.Without(supply.Credit), s.Flags&^FlagLifeline
			x.event(CodeRestored, int64(s.Balance), 0)
		case lifeline && c.Lifeline == 0 && s.Flags.Has(FlagFriendly):
			s.Flags &^= FlagLifeline // the new configuration has no lifeline; the window keeps the supply on until it ends
		case off != (c.Lifeline == 0):
			x.endCredit() // the new configuration adds or removes the lifeline
		}
	case available <= c.Cutoff && !s.Flags.Has(FlagFriendly):
		x.endCredit()
		x.event(CodeExhausted, int64(s.Overrun), 0)
		x.message(MessageCutOff)
		ended = true
	}
	if c.OverrunLimit > 0 && s.Overrun > c.OverrunLimit && !s.Flags.Has(FlagOverrun) {
		s.Flags |= FlagOverrun
		x.event(CodeOverrun, int64(s.Overrun), int64(c.OverrunLimit))
	}
	return ended
}

// endCredit cuts the supply for lack of credit, or limits it where the configuration has a lifeline.
func (x *step) endCredit() {
	s := x.s
	if x.c.Lifeline > 0 {
		s.Reasons, s.Flags = s.Reasons.Without(supply.Credit), s.Flags|FlagLifeline
		return
	}
	s.Flags &^= FlagLifeline
	x.set(supply.Credit)
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
