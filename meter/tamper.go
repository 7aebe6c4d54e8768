package meter

import "github.com/paywatt/paywatt/supply"

// Tamper is a kind of tampering that a meter can notice (docs/reference/meter-rules.md#tampering).
type Tamper uint8

// The kinds of tampering, in the order of their event codes 501 to 506.
const (
	TamperCover Tamper = iota
	TamperTerminal
	TamperMagnet
	TamperReverse
	TamperBypass
	TamperPhaseLoss

	tamperKinds
)

var tamperNames = [tamperKinds]string{
	TamperCover: "cover", TamperTerminal: "terminal", TamperMagnet: "magnet", TamperReverse: "reverse",
	TamperBypass: "bypass", TamperPhaseLoss: "phase_loss",
}

// String returns the stable name of the kind: "cover", "terminal", "magnet", "reverse", "bypass" or "phase_loss".
func (t Tamper) String() string {
	if t >= tamperKinds {
		return "unknown"
	}
	return tamperNames[t]
}

// ParseTamper is the inverse of [Tamper.String]. It returns false for an unknown name.
func ParseTamper(name string) (Tamper, bool) {
	for t, n := range tamperNames {
		if n == name {
			return Tamper(t), true
		}
	}
	return 0, false
}

// Tampers is a set of kinds: bit n stands for Tamper n.
type Tampers uint8

// Has reports whether t is in the set.
func (s Tampers) Has(t Tamper) bool { return s>>t&1 == 1 }

// With returns the set with t in it.
func (s Tampers) With(t Tamper) Tampers { return s | 1<<t }

// Without returns the set with t taken out.
func (s Tampers) Without(t Tamper) Tampers { return s &^ (1 << t) }

// Known reports whether the set holds only kinds of this package, as a set read from a memory must.
func (s Tampers) Known() bool { return s>>tamperKinds == 0 }

// Names returns the names of the kinds in their order. For the empty set it returns an empty, non-nil slice.
func (s Tampers) Names() []string {
	names := []string{}
	for t := range tamperKinds {
		if s.Has(t) {
			names = append(names, t.String())
		}
	}
	return names
}

// Policy is what the meter does about a kind of tampering.
type Policy uint8

// The policies.
const (
	// PolicyLog: an event.
	PolicyLog Policy = iota
	// PolicyAlarm: an event, the buzzer and a message.
	PolicyAlarm
	// PolicyLatch: an event, the buzzer, a message, and no supply until the latch is opened.
	PolicyLatch

	policies
)

var policyNames = [policies]string{PolicyLog: "log", PolicyAlarm: "alarm", PolicyLatch: "latch"}

// String returns "log", "alarm" or "latch".
func (p Policy) String() string {
	if p >= policies {
		return "unknown"
	}
	return policyNames[p]
}

// latch is the state of one kind of tampering.
type latch uint8

const (
	latchNormal latch = iota
	latchAsserted
	latchWaiting
	latchReleased
	latchHeld
	latchLatched
)

var latchNames = [...]string{
	latchNormal: "normal", latchAsserted: "asserted", latchWaiting: "waiting", latchReleased: "waiting, switch normal",
	latchHeld: "latched", latchLatched: "latched, switch normal",
}

// String returns the words for the state in the diagrams.
func (l latch) String() string { return latchNames[l] }

// tamperInput is an input to the state machine of a latch. A movement of the switch counts once the switch has kept
// its position for settleTime.
type tamperInput uint8

const (
	tamperNoticed tamperInput = iota
	tamperLatching
	tamperNormal
	tamperDurable
	tamperClear
)

var tamperInputNames = [...]string{
	tamperNoticed: "the switch is not normal (the policy is log or alarm)", tamperLatching: "the switch is not normal (the policy is latch)",
	tamperNormal: "the switch is normal again", tamperDurable: "the latch's record is durable", tamperClear: "the latch is cleared",
}

var tamperTable = [...]transition[latch, tamperInput]{
	{latchNormal, tamperNoticed, latchAsserted, codeTamper},
	{latchNormal, tamperLatching, latchWaiting, codeTamper},
	{latchAsserted, tamperNormal, latchNormal, 0},
	{latchWaiting, tamperNormal, latchReleased, 0},
	{latchReleased, tamperNoticed, latchWaiting, codeTamper},
	{latchReleased, tamperLatching, latchWaiting, codeTamper},
	{latchWaiting, tamperDurable, latchHeld, 0},
	{latchReleased, tamperDurable, latchLatched, 0},
	// This happens in a replay of the log, when the snapshot is older than the tampering.
	{latchNormal, tamperDurable, latchLatched, 0},
	{latchAsserted, tamperDurable, latchHeld, 0},
	{latchHeld, tamperDurable, latchHeld, 0},
	{latchLatched, tamperDurable, latchLatched, 0},
	{latchHeld, tamperNormal, latchLatched, 0},
	{latchLatched, tamperNoticed, latchHeld, codeTamper},
	{latchLatched, tamperLatching, latchHeld, codeTamper},
	{latchHeld, tamperClear, latchHeld, codeTamper},
	{latchLatched, tamperClear, latchNormal, CodeTamperCleared},
}

// settleTime is how long a switch must keep its position to be accepted, in milliseconds.
const settleTime = 200

// These values say how tampering was noticed. They are the first argument of the events 501 to 506.
const (
	tamperSeen  = 0 // noticed now
	tamperOff   = 1 // while the mains was off, time unknown
	tamperStill = 2 // somebody tried to clear the tampering, but the switch is still not normal
)

// latchOf returns the state of a kind.
func (s *State) latchOf(k Tamper) latch {
	asserted := s.Asserted.Has(k)
	switch {
	case s.Latched.Has(k) && asserted:
		return latchHeld
	case s.Latched.Has(k):
		return latchLatched
	case s.Waiting.Has(k) && asserted:
		return latchWaiting
	case s.Waiting.Has(k):
		return latchReleased
	case asserted:
		return latchAsserted
	}
	return latchNormal
}

// tamperMove gives an input to the state machine of a latch. The parameter why is the first argument of the event.
func (x *step) tamperMove(k Tamper, on tamperInput, why int64) (code Code) {
	s := x.s
	t, moves := lookup(tamperTable[:], s.latchOf(k), on)
	if !moves {
		return 0
	}
	again := s.Waiting.Has(k) && on == tamperClear
	s.Asserted, s.Waiting, s.Latched = s.Asserted.Without(k), s.Waiting.Without(k), s.Latched.Without(k)
	switch t.to {
	case latchAsserted:
		s.Asserted = s.Asserted.With(k)
	case latchWaiting:
		s.Asserted, s.Waiting = s.Asserted.With(k), s.Waiting.With(k)
	case latchReleased:
		s.Waiting = s.Waiting.With(k)
	case latchHeld:
		s.Asserted, s.Latched = s.Asserted.With(k), s.Latched.With(k)
		if again {
			s.Waiting = s.Waiting.With(k)
		}
	case latchLatched:
		s.Latched = s.Latched.With(k)
	}
	if t.code == codeTamper {
		if why != tamperStill && s.Tampered < 1<<16-1 {
			s.Tampered++
		}
		x.consequence(CodeTamperCover+Code(k), why, int64(s.Tampered))
	}
	return t.code
}

// tamper handles an edge of a tamper switch.
func (x *step) tamper() {
	s, k := x.s, x.ev.Tamper
	switch {
	case k >= tamperKinds:
	case x.ev.Active == s.Asserted.Has(k):
		s.Settling[k] = 0
	case s.Settling[k] == 0:
		s.Settling[k] = settleTime
	}
}

// settling counts the time since the last event for the switches that moved.
func (x *step) settling() {
	s := x.s
	if s.Settling == [tamperKinds]uint8{} {
		return
	}
	by := uint8(min(s.Up-x.was, settleTime))
	for i, left := range s.Settling {
		if left == 0 {
			continue
		}
		s.Settling[i] = left - min(by, left)
		if s.Settling[i] != 0 {
			continue
		}
		x.checkpoint()
		if k := Tamper(i); s.Asserted.Has(k) {
			x.tamperMove(k, tamperNormal, 0)
		} else {
			x.noticed(k, tamperSeen)
		}
	}
}

// noticed handles a switch that is not normal, or was not normal while the mains was off.
func (x *step) noticed(k Tamper, why int64) {
	on := tamperNoticed
	if x.c.Tamper[k] == PolicyLatch {
		on = tamperLatching
	}
	if x.tamperMove(k, on, why) != 0 && x.c.Tamper[k] != PolicyLog && !x.alarmed {
		x.alarmed = true
		x.sound(BuzzerAlarm, toneTime)
		x.message(MessageTamper)
	}
}

// latching starts the log record of the kinds to latch, as soon as the memory is free. The supply is cut once the
// record is durable, so that no power cut restores it.
func (x *step) latching() {
	if s := x.s; s.Waiting != 0 && !s.Busy() {
		x.persist(&Record{Kind: RecordTamper, Value: uint32(s.Waiting)})
	}
}

// applyTamper carries out a latch, also one that could not be made durable: breaking the memory must not keep the
// supply on.
func (x *step) applyTamper(r *Record) {
	for k := range tamperKinds {
		if Tampers(r.Value).Has(k) {
			x.tamperMove(k, tamperDurable, 0)
		}
	}
	x.set(supply.Tamper)
	x.moveUnlessReplay()
}

// clearable returns the latches that may be opened now. A switch that has just moved does not count as normal yet.
func (s *State) clearable() (kinds Tampers) {
	for k := range tamperKinds {
		if s.Latched.Has(k) && !s.Asserted.Has(k) && s.Settling[k] == 0 {
			kinds = kinds.With(k)
		}
	}
	return kinds
}

// clearTamper opens the latches that a record lists and reports whether all latches are open. The record lists the kinds whose switch
// was normal when the record was begun. Other kinds stay latched; a kind whose switch is no longer normal latches again at once,
// durably.
func (x *step) clearTamper(r *Record, by int64) (all bool) {
	s := x.s
	cleared := s.Latched == 0 && s.Reasons.Has(supply.Tamper)
	for k := range tamperKinds {
		if !s.Latched.Has(k) {
			continue
		}
		if Tampers(r.Value).Has(k) {
			if x.ev.Kind == EventReplay {
				s.Asserted = s.Asserted.Without(k) // the switch became normal after the snapshot
			}
			if s.Asserted.Has(k) {
				s.Waiting = s.Waiting.With(k)
			}
		} else if !s.Asserted.Has(k) {
			continue
		}
		cleared = x.tamperMove(k, tamperClear, tamperStill) == CodeTamperCleared || cleared
	}
	if s.Latched != 0 {
		return false
	}
	s.Reasons = s.Reasons.Without(supply.Tamper)
	if cleared {
		x.consequence(CodeTamperCleared, by, 0)
	}
	return true
}
