package meter

import "github.com/paywatt/paywatt/supply"

// EC is the state of the emergency credit (docs/reference/meter-rules.md#emergency-credit).
type EC uint8

// The states of the emergency credit.
const (
	// ECNone: emergency credit is not needed, or the meter has none.
	ECNone EC = iota
	// ECOffered: the credit is low; the customer may activate it.
	ECOffered
	// ECActive: the customer has activated the emergency credit, which is used after the credit has ended.
	ECActive
	// ECExhausted: the emergency credit is used up.
	ECExhausted
)

var ecNames = [...]string{ECNone: "none", ECOffered: "offered", ECActive: "active", ECExhausted: "exhausted"}

// String returns "none", "offered", "active" or "exhausted".
func (e EC) String() string {
	if int(e) >= len(ecNames) {
		return ecNames[ECNone]
	}
	return ecNames[e]
}

// ECAnswer is the answer to a request to use the emergency credit.
type ECAnswer uint8

const (
	// ECDone: the emergency credit is now active.
	ECDone ECAnswer = iota + 1
	// ECAgain: refused, the emergency credit is active already.
	ECAgain
	// ECUsed: refused, the emergency credit was used and is not paid back.
	ECUsed
	// ECNotNeeded: refused, the credit is above the threshold.
	ECNotNeeded
	// ECNotActive: refused, the meter has no emergency credit, or is not in service.
	ECNotActive
	// ECBusy: refused, the meter is writing a record; ask again.
	ECBusy
	// ECStorage: refused, the memory failed; ask again.
	ECStorage
)

var ecAnswerNames = [...]string{
	ECDone: "done", ECAgain: "already_active", ECUsed: "already_used", ECNotNeeded: "not_needed",
	ECNotActive: "not_active", ECBusy: "busy", ECStorage: "storage_error",
}

// String returns a stable name: "done", "not_needed" and so on.
func (a ECAnswer) String() string {
	if a == 0 || int(a) >= len(ecAnswerNames) {
		return "unknown"
	}
	return ecAnswerNames[a]
}

// ecInput is an input to the state machine of the emergency credit.
type ecInput uint8

const (
	ecLow ecInput = iota
	ecHigh
	ecActivate
	ecUsedUp
	ecRoom
	ecRepaid
)

var ecInputNames = [...]string{
	ecLow: "the credit falls to the threshold", ecHigh: "the credit is above the threshold, or there is no emergency credit",
	ecActivate: "the customer activates it", ecUsedUp: "all of it is used",
	ecRoom: "some of it is paid back, and the configuration does not require all of it", ecRepaid: "all of it is paid back",
}

var ecTable = [...]transition[EC, ecInput]{
	{ECNone, ecLow, ECOffered, CodeECOffered},
	// This happens in a replay of the log, when the snapshot is older than the offer.
	{ECNone, ecActivate, ECActive, CodeECActivated},
	{ECOffered, ecHigh, ECNone, 0},
	{ECOffered, ecActivate, ECActive, CodeECActivated},
	{ECActive, ecUsedUp, ECExhausted, CodeECExhausted},
	{ECActive, ecRepaid, ECNone, CodeECRepaid},
	{ECActive, ecHigh, ECNone, 0},
	{ECExhausted, ecRoom, ECActive, 0},
	{ECExhausted, ecRepaid, ECNone, CodeECRepaid},
}

// ecMove gives an input to the state machine of the emergency credit and reports whether its state changed.
func (x *step) ecMove(on ecInput) bool {
	s := x.s
	t, moves := lookup(ecTable[:], s.EC, on)
	if !moves {
		return false
	}
	if on == ecRepaid {
		s.Flags |= FlagInitial // the first use is over; an activation without use does not count
	}
	s.EC = t.to
	x.checkpoint()
	if t.code != 0 {
		x.consequence(t.code, int64(s.Balance), int64(s.ECUsed))
	}
	return true
}

// emergency updates the state of the emergency credit after a change of credit or configuration.
func (x *step) emergency() {
	s, c := x.s, x.c
	switch s.EC {
	case ECNone:
		if s.ecLimit(c) > 0 && s.ECUsed == 0 && s.Balance <= c.ECThreshold && x.ecMove(ecLow) {
			x.message(MessageEmergency)
		}
	case ECOffered:
		if s.ecLimit(c) == 0 || s.Balance > c.ECThreshold {
			x.ecMove(ecHigh)
		}
	case ECActive:
		switch {
		case s.ECLeft(c) > 0:
		case s.ECUsed == 0:
			x.ecMove(ecHigh) // the configuration removed an unused emergency credit, so there is no debt
		default:
			x.ecMove(ecUsedUp)
		}
	case ECExhausted:
		if !c.ECRepay && s.ECLeft(c) > 0 {
			x.ecMove(ecRoom)
		}
	}
}

// repaid updates the state of the emergency credit after credit was added. The parameter used holds the emergency
// credit that the customer owed before.
func (x *step) repaid(used int32) {
	switch s := x.s; {
	case s.ECUsed > 0:
	case used > 0:
		x.ecMove(ecRepaid)
	case s.EC == ECActive && s.Balance > x.c.ECThreshold:
		x.ecMove(ecHigh) // the customer activated the emergency credit and did not need it
	}
}

// activate answers a request to use the emergency credit. If the request can be granted, activate first has a log record
// written, and the answer follows when that has succeeded or failed.
func (x *step) activate() {
	s := x.s
	answer := ECAnswer(0)
	switch {
	case !x.ev.Source.known():
		return // no host sends an unknown source
	case s.Wallet() || s.ecLimit(x.c) == 0 || s.Reasons.Has(supply.NotActivated):
		answer = ECNotActive
	case s.EC == ECActive:
		answer = ECAgain
	case s.ECUsed > 0 || s.EC == ECExhausted:
		answer = ECUsed
	case s.EC != ECOffered:
		answer = ECNotNeeded
	case s.Busy():
		answer = ECBusy
	default:
		x.persist(&Record{Kind: RecordEmergency, Source: x.ev.Source})
		return
	}
	x.answerEmergency(answer, x.ev.Source)
}

func (x *step) answerEmergency(a ECAnswer, from Source) {
	if x.ev.Kind != EventReplay {
		e := x.emit(EffectEmergency)
		e.EC, e.Source = a, from
	}
}

// applyEmergency carries out a durable activation. An earlier overrun is the first thing charged to it.
func (x *step) applyEmergency(r *Record) {
	s := x.s
	if !x.ecMove(ecActivate) {
		x.answerEmergency(ECNotNeeded, r.Source) // credit was added while the record was written
		return
	}
	over := min(s.Overrun, s.ECLeft(x.c))
	s.Overrun -= over
	s.ECUsed += int32(over)
	x.answerEmergency(ECDone, r.Source)
	if x.ev.Kind != EventReplay {
		x.settle()
	}
}
