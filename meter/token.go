package meter

import (
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// The classes of tokens.
const (
	classCredit     = 0
	classTest       = 1
	classManagement = 2
	classReserved   = 3
)

// token answers an entered token, or starts a log record for it. In the second case the answer follows when the write
// of the record has succeeded or failed.
func (x *step) token() {
	ev, o := x.ev, &x.ev.Opened
	if !ev.Source.known() {
		return // no correct host gives such a token
	}
	if code, again := x.stored(ringKey(ev.Request, o.HasTID, o.TID)); again && code < answered {
		// If the server repeats a request, it gets the stored result, not used_error. A wrong token is not counted
		// twice. The customer notices nothing.
		r := x.tokenRecord(sts.Result(code))
		x.reportToken(&r)
		return
	}
	code := x.judge()
	if x.lasting(code) {
		// A wrong token is made durable like a right one, so that cutting the power after it gains nothing.
		r := x.tokenRecord(code)
		x.persist(&r)
		return
	}
	if o.Section != 0 {
		x.refusedSection(code)
	} else if final(code) {
		x.remember(ringKey(ev.Request, o.HasTID, o.TID), uint8(code))
	}
	x.answerToken(code)
	if o.Class == classTest && code == sts.Accept {
		x.beginTest()
	}
}

// lasting reports whether a token changes the stored state, so that a log record must come before its answer.
func (x *step) lasting(code sts.Result) bool {
	switch o := &x.ev.Opened; {
	case o.Class != classCredit && o.Class != classManagement:
		return false
	case code == sts.KCT1st || code == sts.KCTNth:
		return !x.ev.Change.Again
	}
	return code == sts.Accept || code == sts.CRCError
}

// judge applies the meter's rules in the order of docs/reference/tokens.md#what-a-meter-checks-in-order. After Accept
// only the memory can still fail.
func (x *step) judge() sts.Result {
	s, o := x.s, &x.ev.Opened
	switch {
	case o.Result == sts.FormatError:
		return sts.FormatError
	case o.Class == classReserved:
		return sts.FunctionError
	case o.Class != classTest && s.Locked(x.ev.Source):
		// Locked hides the result of opening the token.
		return sts.Locked
	case s.Busy():
		return sts.Busy
	case o.Result == sts.CRCError && x.ev.Change.Result == sts.UsedError:
		return sts.UsedError // a section of the last key change, entered again
	case o.Result != sts.Accept:
		return o.Result
	case o.Class == classTest:
		return x.judgeTest()
	case o.Section != 0:
		return x.judgeSection()
	case o.Class == classManagement:
		return x.judgeManagement()
	}
	return x.judgeUnits()
}

// judgeUnits judges credit.
func (x *step) judgeUnits() sts.Result {
	s, o := x.s, &x.ev.Opened
	switch {
	case o.SubClass != sts.CreditElectricity || s.Wallet():
		return sts.FunctionError
	case s.Key.Type == sts.DDTK:
		return sts.DDTKError
	}
	if r := x.judgeTID(); r != sts.Accept {
		return r
	}
	switch units := unit.FromTenths(o.Amount.Tenths()); {
	case units > unit.MaxToken:
		return sts.RangeError
	case s.overflows(units, x.c.MaxBalance):
		return sts.OverflowError
	}
	return sts.Accept
}

// judgeTID checks the TID against the key's expiry and the list of used TIDs.
func (x *step) judgeTID() sts.Result {
	if x.ev.Opened.TID.Expired(x.s.Key.KEN) {
		return sts.KeyExpiredError
	}
	return x.s.TIDs.Check(x.ev.Opened.TID)
}

// units returns the energy that the token adds if the parameter code is the answer. It is negative if the token
// clears credit.
func (x *step) units(code sts.Result) unit.Energy {
	switch o := &x.ev.Opened; {
	case code != sts.Accept:
		return 0
	case o.Class == classCredit:
		return unit.FromTenths(o.Amount.Tenths())
	case o.Class == classManagement && o.SubClass == sts.ManageClearCredit && o.HasTID:
		return -x.s.Balance
	}
	return 0
}

// final reports whether the same token would get this answer again, so that it may be stored for a repeated request.
// Other answers mean: try again later. A key change removes the stored answers to tokens from the ring, since other
// tokens open under the new key.
func final(r sts.Result) bool {
	switch r {
	case sts.OverflowError, sts.Locked, sts.Busy, sts.StorageError:
		return false
	}
	return true
}

// applyToken carries out a durable token record.
func (x *step) applyToken(r *Record) {
	s := x.s
	x.remember(ringKey(r.Request, r.HasTID, r.TID), uint8(r.Result))
	g := &s.Guards[r.Source-1]
	if r.Result != sts.Accept {
		lock := g.wrong(s.powered())
		x.result(r)
		if lock > 0 {
			x.event(CodeLockStart, int64(r.Source), int64(lock))
		}
		return
	}
	if s.TIDs.Check(r.TID) != sts.Accept {
		// Only a faulty host gives two records of one token. The token is credited once.
		return
	}
	s.TIDs.Add(r.TID)
	g.Row = 0
	if r.Class == classManagement {
		x.applyManagement(r)
	} else {
		s.Day.Tokens += uint32(r.Units)
		s.Month.Tokens += uint32(r.Units)
		x.credit(r.Units)
		x.result(r)
	}
	if x.ev.Kind != EventReplay {
		x.settle()
	}
}

// answerToken reports the result of the token in the event, without a record.
func (x *step) answerToken(code sts.Result) {
	r := x.tokenRecord(code)
	x.result(&r)
}

// tokenRecord returns the record of the token in the event.
func (x *step) tokenRecord(code sts.Result) Record {
	ev, o := x.ev, &x.ev.Opened
	r := Record{
		Kind: RecordToken, Source: ev.Source, Result: code, Class: o.Class, SubClass: o.SubClass, HasTID: o.HasTID,
		TID: o.TID, Units: x.units(code), Value: uint32(o.Value), Request: ev.Request,
	}
	switch {
	case o.Class == classManagement && o.SubClass == sts.ManageClearTamper && code == sts.Accept:
		r.Value = uint32(x.s.clearable()) // the token's own value is 0
	case o.Section != 0 && code == sts.Accept:
		r.Kind, r.Key, r.Rollover = RecordKeys, ev.Change.Key, ev.Change.Rollover
	case o.Section != 0 && (code == sts.KCT1st || code == sts.KCTNth):
		r.Kind, r.Sections = RecordKeys, ev.Change.Sections
	}
	return r
}

// reportToken reports the result of a token to the server.
func (x *step) reportToken(r *Record) {
	p := x.report(ReportToken)
	p.Log, p.Request, p.Result, p.Source, p.Units = r.Seq, r.Request, r.Result, r.Source, r.Units
	p.Class, p.SubClass, p.HasTID, p.TID, p.Base = r.Class, r.SubClass, r.HasTID, r.TID, x.s.Key.Base
}

// result reports the result of a token to the server and the customer.
func (x *step) result(r *Record) {
	replay := x.ev.Kind == EventReplay
	if !replay || !x.ev.Reported {
		x.reportToken(r)
		switch r.Result {
		case sts.Accept:
			x.event(CodeAccepted, int64(r.Units), int64(r.Source))
		case sts.KCT1st, sts.KCTNth:
			// The section is neither accepted nor rejected, because the set is not complete.
		default:
			x.event(CodeRejected, int64(r.Result), int64(r.Source))
		}
	}
	if replay {
		return
	}
	x.emit(EffectResult).Result = Result{
		Code: r.Result, Source: r.Source, Request: r.Request, Class: r.Class, SubClass: r.SubClass, Units: r.Units,
		Balance: x.s.Shown(), Control: x.tests(),
	}
	if r.Source != Keypad {
		return
	}
	switch r.Result {
	case sts.Accept, sts.KCT1st, sts.KCTNth:
		x.sound(BuzzerAccepted, resultTime)
	default:
		x.sound(BuzzerRejected, resultTime)
	}
}

// consequence reports an event that follows from a log record, unless the server already has the report.
func (x *step) consequence(code Code, a, b int64) {
	if x.ev.Kind != EventReplay || !x.ev.Reported {
		x.event(code, a, b)
	}
}
