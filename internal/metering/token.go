package metering

import (
	"slices"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/wire"
)

// TokenState is how far a token has come. [TokenMove] has every move from one state to another. [JudgeToken] decides what a
// signed report moves, [HearToken] what an SMS moves, and package vending what a reversal moves.
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

// TokenMove is something that happens to a token and gives it another state.
type TokenMove uint8

// Moves of tokens. One from a state that is not in its row of the table leaves the token as it is.
const (
	MoveMade      TokenMove = iota // its digits are made
	MoveFailed                     // they cannot be made
	MoveSent                       // it is given to a route or to the meter's connection
	MoveHeard                      // an SMS in the meter's name says that it is loaded (class 0 only)
	MoveAccepted                   // the meter signs that it has it
	MoveRejected                   // the meter signs that it will never take it
	MoveUnheard                    // the meter signs anything else: that takes the place of what an SMS said
	MoveUsed                       // the meter answers its cancellation with used, and the sale stands
	MoveCancelled                  // the meter has cancelled it, and has not signed before that it has it
	MoveReversed                   // its sale is reversed and nobody could ask the meter
	MoveReclaimed                  // its sale is reversed and the meter has it: its value becomes a debt
)

// tokenMove is a row of the table: the state after a move, and the states that it may come from.
type tokenMove struct {
	to   TokenState
	from []TokenState
}

// tokenMoves has a row for each move. A token that a meter has cancelled stays reversed when its sale is reversed without asking. One
// that the meter accepts while its sale is being reversed becomes reversed_unconfirmed, and is claimed back.
var tokenMoves = [...]tokenMove{
	MoveMade:      {TokenIssued, []TokenState{TokenReserved}},
	MoveFailed:    {TokenFailed, []TokenState{TokenReserved}},
	MoveSent:      {TokenSent, []TokenState{TokenIssued}},
	MoveHeard:     {TokenHeard, []TokenState{TokenIssued, TokenSent}},
	MoveAccepted:  {TokenAccepted, []TokenState{TokenIssued, TokenSent, TokenHeard, TokenRejected}},
	MoveRejected:  {TokenRejected, []TokenState{TokenIssued, TokenSent, TokenHeard}},
	MoveUnheard:   {TokenSent, []TokenState{TokenHeard}},
	MoveUsed:      {TokenAccepted, []TokenState{TokenIssued, TokenSent, TokenHeard, TokenRejected, TokenReversed}},
	MoveCancelled: {TokenReversed, []TokenState{TokenIssued, TokenSent, TokenHeard, TokenRejected, TokenAccepted, TokenReversedUnconfirmed}},
	MoveReversed:  {TokenReversedUnconfirmed, []TokenState{TokenIssued, TokenSent, TokenHeard, TokenRejected, TokenAccepted}},
	MoveReclaimed: {TokenAccepted, []TokenState{TokenReversedUnconfirmed}},
}

// To is the state of a token after a move.
func (m TokenMove) To() TokenState { return tokenMoves[m].to }

// From are the states from which a move leads to another.
func (m TokenMove) From() []TokenState { return tokenMoves[m].from }

// After is the state after a move: the same where the move does not lead on from it.
func (s TokenState) After(m TokenMove) TokenState {
	if slices.Contains(m.From(), s) {
		return m.To()
	}
	return s
}

// Results of a token entry that the server branches on (docs/reference/tokens.md#results).
const (
	ResultAccept   = "accept"
	ResultUsed     = "used_error" // the token is in the meter: somebody entered it before
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
	case ResultAccept, ResultUsed:
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

// HasIt reports whether a signed result proves that the meter has the token. A meter that was told to cancel a token may say used_error
// of it because it did.
func HasIt(result string, toldToCancel bool) bool {
	return result == ResultAccept || EffectOf(result) == InMeter && !toldToCancel
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
	switch e {
	case InMeter:
		v.State = have.After(MoveAccepted)
	case Refused:
		v.State = have.After(MoveRejected)
	case Later, Partly:
		v.State = have.After(MoveUnheard)
	}
	switch have {
	case TokenReversed, TokenReversedUnconfirmed:
		// The sale was undone and the token is loaded all the same: money is missing, and a person must know.
		if HasIt(result, have == TokenReversed) {
			v.Alarm = &Alarm{AlarmReversedUsed, alarmtext.ReversedUsed()}
		}
	case TokenReserved, TokenFailed:
		// We never gave out the digits of such a token, so somebody else did.
		if result == ResultAccept {
			v.Alarm = &Alarm{AlarmGhostCredit, alarmtext.GhostIssued()}
		}
	}
	return v
}

// HearToken decides what an SMS in a meter's name changes that says a token is loaded (accept) or was (used_error). Nobody can
// prove who sent it, so the token is never accepted by it and its delivery goes on. A reversed token that a signed report would
// raise an alarm about raises one here too.
func HearToken(t OwnToken, result string) TokenVerdict {
	v := TokenVerdict{State: t.State}
	if t.Class == 0 { // a new key is believed of a signed answer only
		v.State = t.State.After(MoveHeard)
	}
	if t.State == TokenReversed || t.State == TokenReversedUnconfirmed {
		v.Alarm = JudgeToken(t.State, result).Alarm
	}
	return v
}

// Ghost is the alarm for an accepted token that is not in the store, nil where the report proves nothing. A used
// token is no ghost: it was reported when it was accepted.
func Ghost(t *wire.Token) *Alarm {
	if t.Result != ResultAccept || t.TID == nil || t.Class == nil {
		return nil
	}
	switch *t.Class {
	case 0:
		return &Alarm{AlarmGhostCredit, alarmtext.GhostCredit(t.UnitsWh, int64(*t.TID))}
	case 2:
		return &Alarm{AlarmGhostToken, alarmtext.GhostToken(int64(*t.TID))}
	}
	return nil
}
