package meter

import (
	"math"

	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// MaxEffects is the maximum number of effects of one step; an out slice with this much room is never grown.
const MaxEffects = 48

// Step handles one event: it changes s and appends to out the effects that the host has to carry out. It allocates only
// if out has no room for MaxEffects more effects, and changes nothing but s and out. The package documentation gives
// the order in which a host works.
func Step(c *Config, s *State, ev Event, out []Effect) []Effect {
	if quick(c, s, &ev) {
		return out
	}
	return long(c, s, &ev, out)
}

// long handles any event, in every state.
func long(c *Config, s *State, ev *Event, out []Effect) []Effect {
	if cap(out)-len(out) < MaxEffects {
		out = append(make([]Effect, 0, len(out)+MaxEffects), out...)
	}
	x := step{c: c, s: s, ev: ev, out: out[:cap(out)], n: len(out), was: s.Up, relay: s.Relay, reasons: s.Reasons}
	if ev.Up > s.Up {
		s.Up = ev.Up
	}
	s.seen(ev)
	starting := ev.Kind == EventReplay || ev.Kind == EventPowerRestore
	if starting {
		x.catchUp()
	} else {
		x.running()
		x.off()
		x.energy()
	}
	switch {
	case s.Frozen:
		x.frozen()
		return out[:x.n]
	case !starting:
		x.timers()
	}
	x.act()
	if ev.Kind != EventReplay {
		x.latching()
		x.overload()
	}
	x.supplied()
	if x.save {
		x.emit(EffectCheckpoint).Urgent = x.urgent || ev.Kind == EventPowerFail
	}
	if s.Balance < 0 || s.Overrun < 0 || (s.Balance > 0 && s.Overrun > 0) {
		panic("meter: credit and overrun at the same time")
	}
	return out[:x.n]
}

// step holds one running call of Step.
type step struct {
	c  *Config
	s  *State
	ev *Event
	// out has its greatest possible length; its first n effects are in use. So no method has to store a slice, and no
	// part of a step escapes to the heap.
	out []Effect
	n   int
	// These fields hold State.Up, State.Relay and State.Reasons as they were before the step.
	was     uint64
	relay   supply.Relay
	reasons supply.Reasons
	// save means that the step ends with a checkpoint. urgent means that the checkpoint cannot wait. alarmed means that
	// the step has already given the tamper alarm.
	save, urgent, alarmed bool
}

// act carries out the event itself, after its energy has been counted and its time has passed.
func (x *step) act() {
	s, ev := x.s, x.ev
	switch ev.Kind {
	case EventPower:
		s.Power, s.Voltage = ev.Power, ev.Voltage
		s.Day.Peak = max(s.Day.Peak, s.Power)
	case EventKey:
		x.mute()
	case EventActivate:
		x.activate()
	case EventTamper:
		x.tamper()
	case EventClock:
		x.setClock(ev.NewAt, ev.ClockBy)
	case EventComms:
		x.comms()
	case EventClear:
		x.emit(EffectClear)
	case EventConfirm:
		x.confirm()
	case EventLocal:
		x.local()
	case EventToken:
		x.token()
	case EventCommand:
		x.command()
	case EventConfig:
		x.config()
	case EventRead:
		x.report(ReportReading)
	case EventBoard:
		x.board()
	case EventPersisted:
		x.persisted()
	case EventReplay:
		x.apply(&ev.Record)
	case EventPowerFail:
		x.powerFail()
	case EventPowerRestore:
		x.powerRestore()
	}
}

// emit appends an effect and returns it for completion.
func (x *step) emit(kind EffectKind) *Effect {
	e := &x.out[x.n]
	*e = Effect{Kind: kind}
	x.n++
	return e
}

// checkpoint asks for a snapshot at the end of the step.
func (x *step) checkpoint() { x.s.Unsaved, x.save = 0, true }

// report appends a report of the present state.
func (x *step) report(kind ReportKind) *Report {
	s, e := x.s, x.emit(EffectPublish)
	e.Report = Report{
		Kind: kind, Seq: s.Seq, Up: s.Up, At: x.ev.At, Clock: x.ev.Clock,
		Register: s.Register, Balance: s.Balance, ECUsed: unit.Energy(s.ECUsed), Overrun: s.Overrun,
		Power: s.Power, Voltage: s.Voltage, Relay: s.Relay, Reasons: s.Reasons,
	}
	if x.ev.Kind == EventReplay {
		e.Report.Register = max(s.Register, x.ev.Register) // no less than the outbox shows; the difference is counted later
	}
	s.Seq++
	switch kind {
	case ReportToken:
		e.History = HistoryTokens
	case ReportEvent:
		e.History = HistoryEvents
	}
	return &e.Report
}

// comms records whether the connection to the server is up.
func (x *step) comms() {
	s := x.s
	if x.ev.Active == s.Flags.Has(FlagOnline) {
		return
	}
	s.Flags ^= FlagOnline
	if x.ev.Active {
		x.event(CodeOnline, 0, 0)
	} else {
		x.event(CodeOffline, 0, 0)
	}
}

// event reports an event.
func (x *step) event(code Code, a, b int64) {
	if d := &x.s.Day; d.Events < 1<<16-1 {
		d.Events++
	}
	r := x.report(ReportEvent)
	r.Code, r.A, r.B = code, a, b
}

// frozen handles an event of a meter whose memory this version cannot read in full (event 701,
// docs/reference/events.md#events-of-meters). The meter counts energy and reports, and changes nothing else: it never
// overwrites the unknown snapshot and never moves the relay.
func (x *step) frozen() {
	s := x.s
	if x.due(&s.QuietAt) {
		x.sound(BuzzerOff, 0)
	}
	if x.ev.Kind != EventPowerRestore && x.passed(x.c.ReadingEvery) {
		x.report(ReportReading)
	}
	switch x.ev.Kind {
	case EventPower:
		s.Power, s.Voltage = x.ev.Power, x.ev.Voltage
	case EventRead:
		x.report(ReportReading)
	case EventToken:
		x.answerToken(sts.StorageError)
	case EventPowerRestore:
		x.event(CodeSnapshot, 1, 0)
		x.report(ReportReading)
	}
}

// Headroom returns the energy after which something can change without any other input: a warning, the cut-off, a
// checkpoint. A host that gives energy in pieces no larger than this sees each change at its exact register.
func Headroom(c *Config, s *State) unit.Energy {
	if s.Frozen {
		return math.MaxInt64
	}
	room := saveEnergy - unit.Energy(s.Unsaved)
	room = below(room, s.Balance, s.low1(c))
	room = below(room, s.Balance, c.Low2)
	if s.Wallet() {
		return max(below(room, s.Balance, 0), 1)
	}
	room = below(room, s.Available(c), c.Cutoff)
	switch s.EC {
	case ECNone:
		room = below(room, s.Balance, c.ECThreshold)
	case ECActive:
		room = below(room, s.Balance, 0) // the limit of the load may change
		room = below(room, s.Available(c), 0)
	}
	if over := s.Overrun - s.Balance; c.OverrunLimit > 0 && over <= c.OverrunLimit {
		// The rest of the emergency credit is used up first, and was counted above.
		room = min(room, c.OverrunLimit-over+1)
	}
	return max(room, 1)
}

// below returns room, or the energy until the credit falls to the level if that is less.
func below(room, credit, level unit.Energy) unit.Energy {
	if credit > level {
		return min(room, credit-level)
	}
	return room
}

// Pulses returns the smallest number of impulses after which the register has risen by the energy e. The energy must be
// at least 1 Wh. Pulses takes the impulses already counted into account.
func Pulses(s *State, e unit.Energy) uint64 {
	return (uint64(e)*uint64(s.Imp) - uint64(s.PulseRem) + 999) / 1000
}
