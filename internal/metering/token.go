package metering

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/wire"
)

// TokenState is how far a token has come. Every move from one state to another stands in this table; any other leaves the
// state as it is.
//
//	what happens                                      from                                         to
//	its digits are made                               reserved                                     issued
//	they cannot be made                               reserved                                     failed
//	it is given to a route or the meter's connection  issued                                       sent
//	an SMS in the meter's name says it is loaded      issued, sent (class 0 only)                  heard
//	the meter signs that it has it                    issued, sent, heard, rejected                accepted
//	the meter signs that it will never take it        issued, sent, heard, rejected                rejected
//	the meter signs anything else about it            heard                                        sent
//	the meter answers its cancellation with used      any but accepted, reversed                   accepted
//	the meter has cancelled it                        any but accepted                             reversed
//	its sale is reversed and nobody could ask         any but accepted                             reversed_unconfirmed
//	the meter says it has it, its sale was reversed   reversed_unconfirmed (becomes a debt)        accepted
//
// [JudgeToken] decides what a signed report moves, [HearToken] what an SMS moves. The last four rows are those of reversals.
//
// A heard token is not known to be in the meter, because anybody can send an SMS in the meter's name:
//   - its delivery over the meter's own connection goes on, and it may be sent again by SMS;
//   - further answers by SMS are compared with it as with a token that is in the meter;
//   - who sold it cannot undo the sale alone. Who may reverse can, with a reason: with the meter's cancellation where the meter
//     is connected, else unconfirmed;
//   - verification finds a signed report that the meter has it as it does for a token that is only sent.
type TokenState string

// Token states. A token may leave rejected again: only what the meter accepted is final.
const (
	TokenReserved            TokenState = "reserved" // TID taken, digits not made yet
	TokenIssued              TokenState = "issued"
	TokenSent                TokenState = "sent"     // handed to the meter's connection or to a route
	TokenHeard               TokenState = "heard"    // an SMS says that it is loaded; nothing has proved it
	TokenAccepted            TokenState = "accepted" // the meter says, signed, that it has it
	TokenRejected            TokenState = "rejected"
	TokenFailed              TokenState = "failed"               // never made; its TID stays used
	TokenReversed            TokenState = "reversed"             // its meter will never load it
	TokenReversedUnconfirmed TokenState = "reversed_unconfirmed" // its sale was reversed while nobody could ask the meter
)

// Results of a token entry that the server branches on (the domain reference, §4.4).
const (
	ResultUsed     = "used_error" // the token is in the meter: somebody entered it before
	resultAccept   = "accept"
	resultOverflow = "overflow_error"
	resultLocked   = "locked"
	resultBusy     = "busy"
	resultStorage  = "storage_error"
)

// ResultHeard stands as the result of a token that became [TokenHeard], until the meter signs another.
const ResultHeard = "sms_accept"

// OwnToken is a token that a meter's report is about.
type OwnToken struct {
	ID        id.ID
	State     TokenState
	Class     uint8
	Elsewhere bool // it was not made here: somebody handed its digits in to be sent to the meter
}

// Effect is what a reported result means for a token of ours.
type Effect uint8

// Effects of a result.
const (
	// InMeter: the token's value is in the meter. used_error is such an answer: somebody typed the token first.
	InMeter Effect = iota
	// Later: nothing was consumed; the same token may be tried again later.
	Later
	// Partly: one section of a set was taken; the token has done its part.
	Partly
	// Refused: the meter will never take this token.
	Refused
)

// EffectOf sorts the result names. A name from a newer meter counts as Later: a token is never written off because
// of a word we do not know.
func EffectOf(result string) Effect {
	switch result {
	case resultAccept, ResultUsed:
		return InMeter
	case "kct_1st", "kct_nth":
		return Partly
	case "format_error", "crc_error", "mfr_code_error", "range_error", "function_error", "old_error",
		"key_expired_error", "key_type_error", "ddtk_error":
		return Refused
	case resultOverflow, resultLocked, resultBusy, resultStorage:
		return Later
	}
	return Later
}

// TokenVerdict is what a report changes: the token's new state, and whether it need not be sent any more.
type TokenVerdict struct {
	State    TokenState
	Answered bool
	Alarm    *Alarm
}

// JudgeToken decides what a signed report of one of our tokens changes. have is the token's state now.
func JudgeToken(have TokenState, result string) TokenVerdict {
	e := EffectOf(result)
	v := TokenVerdict{State: have, Answered: e != Later}
	switch have {
	case TokenIssued, TokenSent, TokenHeard, TokenRejected:
		switch {
		case e == InMeter:
			v.State = TokenAccepted
		case e == Refused:
			v.State = TokenRejected
		case have == TokenHeard:
			v.State = TokenSent // what the meter signs takes the place of what an SMS said
		}
	case TokenAccepted: // final
	case TokenReversed, TokenReversedUnconfirmed:
		// The sale was undone and the token is loaded all the same: money is missing, and a person must know. A meter that
		// was told to cancel a token says used of it; one that could not be asked says so only of a token it has.
		if result == resultAccept || have == TokenReversedUnconfirmed && e == InMeter {
			v.Alarm = &Alarm{AlarmReversedUsed, "The meter accepted a token whose sale was reversed."}
		}
	case TokenReserved, TokenFailed:
		// We never gave out the digits of such a token, so somebody else did.
		if result == resultAccept {
			v.Alarm = &Alarm{AlarmGhostCredit, "The meter accepted a token that was never handed out here."}
		}
	}
	return v
}

// HearToken decides what an SMS in a meter's name changes that says a token is loaded (accept) or was (used_error). Nobody can
// prove who sent it, so the token is never accepted by it and its delivery goes on. A reversed token that a signed report would
// raise an alarm about raises one here too.
func HearToken(t OwnToken, result string) TokenVerdict {
	v := TokenVerdict{State: t.State}
	switch t.State {
	case TokenIssued, TokenSent:
		if t.Class == 0 { // a new key is believed of a signed answer only
			v.State = TokenHeard
		}
	case TokenReversed, TokenReversedUnconfirmed:
		v.Alarm = JudgeToken(t.State, result).Alarm
	}
	return v
}

// Ghost is the alarm for an accepted token that is not in the store, nil where the report proves nothing. A used
// token is no ghost: it was reported when it was accepted.
func Ghost(t *wire.Token) *Alarm {
	if t.Result != resultAccept || t.TID == nil || t.Class == nil {
		return nil
	}
	switch *t.Class {
	case 0:
		return &Alarm{AlarmGhostCredit, fmt.Sprintf("The meter accepted a token of %d Wh (TID %d) that was not sold here.", t.UnitsWh, *t.TID)}
	case 2:
		return &Alarm{AlarmGhostToken, fmt.Sprintf("The meter accepted a management token (TID %d) that was not issued here.", *t.TID)}
	}
	return nil
}
