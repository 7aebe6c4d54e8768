package meter

import "github.com/paywatt/paywatt/supply"

// After a power cut every meter waits inrushLeast seconds and up to inrushSpread - 1 more, by its number, so that a
// village does not switch on as one (domain reference §4.5).
const (
	inrushLeast  = 2
	inrushSpread = 60
)

// set adds a reason, and the need for a confirmation where the configuration wants one after it.
func (x *step) set(r supply.Reason) {
	x.s.Reasons = x.s.Reasons.With(r)
	if x.c.ConfirmAfter.Has(r) {
		x.s.Confirm = true
	}
}

// moveRelay brings the relay where it belongs.
func (x *step) moveRelay() {
	s := x.s
	want := supply.Position(s.Reasons, s.Confirm)
	if want == supply.Closed && s.CloseIn != 0 {
		want = supply.Open
	}
	was := s.Relay
	if want == was {
		return
	}
	s.Relay = want
	if want == supply.Closed || was == supply.Closed {
		x.emit(EffectRelay).Close = want == supply.Closed
	}
	switch want {
	case supply.Open:
		x.event(CodeOpened, int64(s.Reasons), 0)
	case supply.Armed:
		x.event(CodeArmed, 0, 0)
	case supply.Closed:
		x.event(CodeClosed, 0, 0)
	}
}

// confirm is the customer's deliberate key press that lets the supply return. It is no use while a reason stands. It
// needs no log record: lost in a crash, it has to be pressed again, which is the safe side.
func (x *step) confirm() {
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

// supplied ends a step: a reading and a checkpoint follow each change of the supply.
func (x *step) supplied() {
	if x.s.Relay == x.relay && x.s.Reasons == x.reasons || x.ev.Kind == EventReplay || x.ev.Kind == EventPowerRestore {
		return
	}
	x.report(ReportReading)
	x.checkpoint()
}

// running notices that the meter works on after a save that was meant to be the last.
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

// powerRestore is the start after the memory has been loaded and the log replayed.
func (x *step) powerRestore() {
	s := x.s
	clean := s.Saved
	s.Saved = false
	s.Boots++
	s.LED, s.Buzzer, s.BeepAt, s.QuietAt, s.CloseIn, s.TestAt = LEDOff, BuzzerOff, 0, 0, 0, 0
	s.Reasons = s.Reasons.Without(supply.Test) // a test does not outlive the power
	x.rescale()
	if x.ev.Reset == ResetPower {
		// Whatever the contact remembers: nothing is switched on before the wait is over.
		s.CloseIn = uint8(min(s.second()+inrushLeast+uint32(x.c.Number%inrushSpread), 1<<8-1))
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
	if x.ev.Damage&DamageLog != 0 {
		x.event(CodeTorn, 0, 0)
	}
	x.emit(EffectRelay).Close = s.Relay == supply.Closed
	x.settle()
	x.report(ReportReading)
	x.checkpoint()
}

// catchUp raises the state to what the outbox has seen: no sequence number is given twice, and what a published reading
// has proven is counted. What was used after it and not saved is the customer's (domain reference §4.10).
func (x *step) catchUp() {
	x.s.Seq = max(x.s.Seq, x.ev.NextSeq)
	x.count(x.ev.Register - x.s.Register)
}
