package meter

import "github.com/paywatt/paywatt/supply"

// After a power cut every meter waits inrushLeast seconds and up to inrushSpread - 1 more. The number of the meter
// gives its wait, so that a village does not switch on all at once (docs/reference/meter-rules.md#supply).
const (
	inrushLeast  = 2
	inrushSpread = 60
)

// set adds a reason. If the configuration requires a confirmation after this reason, set asks for the confirmation.
func (x *step) set(r supply.Reason) {
	x.s.Reasons = x.s.Reasons.With(r)
	if x.c.ConfirmAfter.Has(r) {
		x.s.Confirm = true
	}
}

// moveRelay moves the relay to its correct position.
func (x *step) moveRelay() {
	s := x.s
	on := relayInput(supply.Position(s.Reasons, s.Confirm))
	if on == relayFree && s.waiting() {
		on = relayBlocked
	}
	if on == relayInput(s.Relay) {
		return // already in position, as nearly always
	}
	t, moves := lookup(relayTable[:], s.Relay, on)
	if !moves {
		return
	}
	s.Relay = t.to
	if t.to == supply.Closed || t.from == supply.Closed {
		x.emit(EffectRelay).Close = t.to == supply.Closed
	}
	x.event(t.code, int64(s.Reasons), 0)
}

// relayInput is an input to the state machine of the relay: the position that supply.Position wants, or the wait
// after a power cut.
type relayInput uint8

const (
	relayBlocked = relayInput(supply.Open)
	relayFree    = relayInput(supply.Closed)
	relayConfirm = relayInput(supply.Armed)
)

var relayInputNames = [...]string{
	relayBlocked: "a reason is set, or the wait after a power cut is on", relayFree: "nothing keeps it open",
	relayConfirm: "no reason is set, but the customer has to confirm",
}

var relayTable = [...]transition[supply.Relay, relayInput]{
	{supply.Closed, relayBlocked, supply.Open, CodeOpened},
	{supply.Armed, relayBlocked, supply.Open, CodeOpened},
	{supply.Open, relayConfirm, supply.Armed, CodeArmed},
	{supply.Closed, relayConfirm, supply.Armed, CodeArmed},
	{supply.Open, relayFree, supply.Closed, CodeClosed},
	{supply.Armed, relayFree, supply.Closed, CodeClosed},
}

// confirm handles the customer's deliberate key press that lets the supply return. It has no effect while a reason
// keeps the supply off. It needs no log record: if a crash loses it, the customer has to press again, which is safe.
func (x *step) confirm() {
	if x.c.LockManual {
		x.overloadMove(overloadConfirm)
	}
	if x.s.Relay != supply.Armed {
		return
	}
	x.s.Confirm = false
	x.moveRelay()
}

// local toggles the customer's own switch.
func (x *step) local() {
	if x.s.Busy() {
		return
	}
	r := Record{Kind: RecordLocal}
	if !x.s.Reasons.Has(supply.Local) {
		r.Value = 1
	}
	x.persist(&r)
}

// supplied ends a step with a reading and a checkpoint if the supply has changed.
func (x *step) supplied() {
	if x.s.Relay == x.relay && x.s.Reasons == x.reasons || x.ev.Kind == EventReplay || x.ev.Kind == EventPowerRestore {
		return
	}
	x.report(ReportReading)
	x.checkpoint()
}

// running clears Saved when the meter keeps working after a save that was meant to be the last.
func (x *step) running() {
	if x.s.Saved && !x.s.Frozen {
		x.s.Saved = false
		x.checkpoint()
	}
}

// powerFail saves everything while there is still time.
func (x *step) powerFail() {
	x.event(CodePowerOff, 0, 0)
	x.s.Saved = true
	x.checkpoint()
}

// powerRestore starts the meter after the memory has been loaded and the log replayed.
func (x *step) powerRestore() {
	s := x.s
	clean := s.Saved
	s.Saved = false
	s.Boots++
	s.LED, s.Buzzer, s.BeepAt, s.QuietAt, s.MoveAt = LEDOff, BuzzerOff, 0, 0, 0
	s.Reasons = s.Reasons.Without(supply.Test) // a test does not outlive the power
	s.NextAt, s.Settling, s.Flags = 0, [tamperKinds]uint8{}, s.Flags&^Volatile
	if s.Overload <= OverloadTiming {
		s.Overload, s.Reasons = OverloadNone, s.Reasons.Without(supply.Overload)
	}
	x.rescale()
	if x.ev.Reset == ResetPower {
		// In every position of the contact, the supply stays off until the wait is over. A start that itself took
		// minutes has waited long enough.
		if at := s.second() + inrushLeast + uint32(x.c.Number%inrushSpread); at < 1<<8 {
			s.MoveAt = at
		}
		if s.Relay == supply.Closed {
			s.Relay = supply.Open
		}
		x.event(CodePowerOn, x.ev.Off, 0)
	}
	if !clean {
		s.Unclean++
		x.event(CodeUncleanBoot, int64(x.ev.Reset), int64(s.Unclean))
	}
	if x.ev.Damage&DamageSnapshot != 0 {
		x.event(CodeSnapshot, 0, 0)
	}
	if lost := x.ev.Log > s.Applied; lost || x.ev.Damage&DamageLog != 0 {
		// A record that was reported and then lost uses up its number: the next record gets another number. Otherwise
		// the report of the next record would be taken for the report of the lost record.
		s.Applied = max(s.Applied, x.ev.Log)
		x.event(CodeTorn, int64(bit(lost)), 0)
	}
	x.emit(EffectRelay).Close = s.Relay == supply.Closed
	after := x.offBefore()
	x.calendar()
	s.Day.addOff(after)
	for k := range tamperKinds {
		if x.ev.Tampers.Has(k) {
			x.noticed(k, tamperOff)
		}
	}
	x.settle()
	x.report(ReportReading)
	x.checkpoint()
}

// catchUp raises the state to the values in the outbox. So the meter uses no sequence number twice, and it counts all
// consumption that a published reading shows. At the replay of a log record, it counts only the consumption up to that
// record. Later consumption that was not saved is not charged (docs/reference/meter-rules.md#what-is-stored-and-when).
func (x *step) catchUp() {
	x.s.Seq = max(x.s.Seq, x.ev.NextSeq)
	to := x.ev.Register
	if x.ev.Kind == EventReplay {
		to = x.ev.Record.Register
	}
	x.count(to - x.s.Register)
}
