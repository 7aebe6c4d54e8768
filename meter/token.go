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

// KnownTests are the test and display tokens this meter carries out, bit n-1 for test n of the STS list: 2 display,
// 3 total register, 9 load, 17 KEN, 18 number. Package panel shows them.
const KnownTests = 1<<1 | 1<<2 | 1<<8 | 1<<16 | 1<<17

// token answers an entered token, or starts the log record on whose success the answer depends.
func (x *step) token() {
	ev, o := &x.ev, &x.ev.Opened
	if !ev.Source.known() {
		return // no host has such a token
	}
	if code, again := x.stored(ringKey(ev.Request, o.HasTID, o.TID)); again && code < answered {
		// The server asks again what was answered already: the stored result, not used_error, and no wrong token counted
		// twice. For the customer nothing has happened.
		r := x.tokenRecord(sts.Result(code))
		x.reportToken(&r)
		return
	}
	code := x.judge()
	counts := o.Class == classCredit || o.Class == classManagement
	if counts && (code == sts.Accept || code == sts.CRCError) {
		// A wrong token is made durable like a right one: cutting the power after it gains nothing.
		r := x.tokenRecord(code)
		x.persist(&r)
		return
	}
	if final(code) {
		x.remember(ringKey(ev.Request, o.HasTID, o.TID), uint8(code))
	}
	x.answerToken(code)
}

// judge applies the meter's rules in the order of domain reference §4.4 and FACTS §10. Accept means that nothing stands
// in the way but the memory.
func (x *step) judge() sts.Result {
	s, o := x.s, &x.ev.Opened
	switch {
	case o.Result == sts.FormatError:
		return sts.FormatError
	case o.Class == classReserved:
		return sts.FunctionError
	case o.Class != classTest && s.Locked(x.ev.Source):
		// Whatever opening it would say: nothing of it may show.
		return sts.Locked
	case s.Busy():
		return sts.Busy
	case o.Result != sts.Accept:
		return o.Result
	case o.Class == classTest:
		return x.judgeTest()
	case o.Class == classManagement || o.SubClass != sts.CreditElectricity:
		return sts.FunctionError
	case s.Key.Type == sts.DDTK:
		return sts.DDTKError
	case o.TID.Expired(s.Key.KEN):
		return sts.KeyExpiredError
	}
	if r := s.TIDs.Check(o.TID); r != sts.Accept {
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

// judgeTest accepts a test or display token for this make of meter of which something is known here.
func (x *step) judgeTest() sts.Result {
	o := &x.ev.Opened
	switch {
	case o.SubClass > 1 || x.c.LongNumber != (o.SubClass == 1):
		// Sub-class 0 is for meters with an 11-digit number, 1 for those with 13 digits.
		return sts.FunctionError
	case o.MfrCode != 0 && o.MfrCode != x.c.MfrCode:
		return sts.MfrCodeError
	case o.Control&KnownTests == 0:
		return sts.FunctionError
	}
	return sts.Accept
}

// units returns what the token adds if the answer is code.
func (x *step) units(code sts.Result) unit.Energy {
	if code == sts.Accept && x.ev.Opened.Class == classCredit {
		return unit.FromTenths(x.ev.Opened.Amount.Tenths())
	}
	return 0
}

// final reports whether the same token would get this answer again, so that it may be stored for a repeated request.
// The others say: try again later. (With another key other tokens open: a key change will have to empty the ring.)
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
		// Two records of one token cannot be, unless a host has broken its duties. Once is enough.
		return
	}
	s.TIDs.Add(r.TID)
	s.credit(r.Units)
	g.Row = 0
	x.result(r)
	if x.ev.Kind != EventReplay {
		x.settle()
	}
}

// answerToken tells the result of the token in the event, without a record.
func (x *step) answerToken(code sts.Result) {
	r := x.tokenRecord(code)
	x.result(&r)
}

// tokenRecord is the record of the token in the event.
func (x *step) tokenRecord(code sts.Result) Record {
	ev, o := &x.ev, &x.ev.Opened
	return Record{
		Kind: RecordToken, Source: ev.Source, Result: code, Class: o.Class, SubClass: o.SubClass, HasTID: o.HasTID,
		TID: o.TID, Units: x.units(code), Request: ev.Request,
	}
}

// reportToken tells the server what became of a token.
func (x *step) reportToken(r *Record) {
	p := x.report(ReportToken)
	p.Log, p.Request, p.Result, p.Source, p.Units = r.Seq, r.Request, r.Result, r.Source, r.Units
	p.Class, p.SubClass, p.HasTID, p.TID, p.Base = r.Class, r.SubClass, r.HasTID, r.TID, x.s.Key.Base
}

// result tells the server and the customer what became of a token.
func (x *step) result(r *Record) {
	replay := x.ev.Kind == EventReplay
	if !replay || !x.ev.Reported {
		x.reportToken(r)
		if r.Result == sts.Accept {
			x.event(CodeAccepted, int64(r.Units), int64(r.Source))
		} else {
			x.event(CodeRejected, int64(r.Result), int64(r.Source))
		}
	}
	if replay {
		return
	}
	x.emit(EffectResult).Result = Result{
		Code: r.Result, Source: r.Source, Request: r.Request, Class: r.Class, SubClass: r.SubClass, Units: r.Units,
		Balance: x.s.Shown(), Control: x.ev.Opened.Control,
	}
	if r.Source != Keypad {
		return
	}
	if r.Result == sts.Accept {
		x.sound(BuzzerAccepted, resultTime)
	} else {
		x.sound(BuzzerRejected, resultTime)
	}
}
