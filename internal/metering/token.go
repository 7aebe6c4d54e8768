package metering

import (
	"slices"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/wire"
)

// TokenState is the state of a token. [TokenMove] lists the moves between states. [JudgeToken] decides the effect of a signed
// report, [HearToken] that of an SMS, and package vending that of a reversal.
//
// It is not certain that a heard token is in the meter, because anybody can send an SMS in the meter's name:
//   - its delivery over the meter's own connection continues, and it may be sent again by SMS;
//   - when the server looks for the token that the meter's next SMS is about, it treats a heard token like an accepted token;
//   - a reversal of its sale needs the right to reverse and a reason, even from the seller within the reversal window. The seller also
//     needs a second person where four eyes are required. A connected meter must cancel the token first; without a connection the reversal
//     stays unconfirmed;
//   - the verification of the store reports an error if a token is in the state [TokenHeard] although a signed report says that
//     the meter has it. The same holds for [TokenIssued], [TokenSent] and [TokenRejected].
type TokenState string

// Token states. A rejected token may still change its state.
const (
	TokenReserved            TokenState = "reserved" // the TID is taken, the digits are not made yet
	TokenIssued              TokenState = "issued"
	TokenSent                TokenState = "sent"     // handed to the meter's connection or to a route
	TokenHeard               TokenState = "heard"    // an SMS says that the token is loaded, without proof
	TokenAccepted            TokenState = "accepted" // the meter's signed report says that it has the token
	TokenRejected            TokenState = "rejected"
	TokenFailed              TokenState = "failed"               // the token was never made; its TID stays used
	TokenReversed            TokenState = "reversed"             // the meter will never load the token
	TokenReversedUnconfirmed TokenState = "reversed_unconfirmed" // the sale was reversed while the meter could not be asked
)

// TokenMove is an event that changes a token's state.
type TokenMove uint8

// Moves of tokens. A move from a state that is not in its row of the table changes nothing.
const (
	MoveMade      TokenMove = iota // the token's digits are made
	MoveFailed                     // the digits cannot be made
	MoveSent                       // the token was given to a route or to the meter's connection
	MoveHeard                      // an SMS in the meter's name says that the token is loaded (class 0 only)
	MoveAccepted                   // a signed report says that the meter has the token
	MoveRejected                   // a signed report says that the meter will never take the token
	MoveDisproved                  // any other signed report, which replaces the word of an SMS
	MoveUsed                       // the meter answers the cancellation with used, and the sale remains
	MoveCancelled                  // the meter has cancelled the token; no earlier signed report says that the meter has it
	MoveReversed                   // the sale is reversed and the meter could not be asked
	MoveReclaimed                  // the sale is reversed and the meter has the token: its value becomes a debt
)

// tokenMove is a row of the table: the state after a move, and the states that it may come from.
type tokenMove struct {
	to   TokenState
	from []TokenState
}

// tokenMoves has a row for each move. MoveReversed does not change a token that the meter has already cancelled: its state stays reversed.
// A token that the meter accepts while its sale is being reversed becomes reversed_unconfirmed, and its value is then claimed as a debt.
var tokenMoves = [...]tokenMove{
	MoveMade:      {TokenIssued, []TokenState{TokenReserved}},
	MoveFailed:    {TokenFailed, []TokenState{TokenReserved}},
	MoveSent:      {TokenSent, []TokenState{TokenIssued}},
	MoveHeard:     {TokenHeard, []TokenState{TokenIssued, TokenSent}},
	MoveAccepted:  {TokenAccepted, []TokenState{TokenIssued, TokenSent, TokenHeard, TokenRejected}},
	MoveRejected:  {TokenRejected, []TokenState{TokenIssued, TokenSent, TokenHeard}},
	MoveDisproved: {TokenSent, []TokenState{TokenHeard}},
	MoveUsed:      {TokenAccepted, []TokenState{TokenIssued, TokenSent, TokenHeard, TokenRejected, TokenReversed}},
	MoveCancelled: {TokenReversed, []TokenState{TokenIssued, TokenSent, TokenHeard, TokenRejected, TokenAccepted, TokenReversedUnconfirmed}},
	MoveReversed:  {TokenReversedUnconfirmed, []TokenState{TokenIssued, TokenSent, TokenHeard, TokenRejected, TokenAccepted}},
	MoveReclaimed: {TokenAccepted, []TokenState{TokenReversedUnconfirmed}},
}

// To returns the state after a move.
func (m TokenMove) To() TokenState { return tokenMoves[m].to }

// From returns the states that a move changes.
func (m TokenMove) From() []TokenState { return tokenMoves[m].from }

// After returns the state after a move. The state stays the same if the move does not apply to it.
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

// ResultHeard is the stored result of a token that became [TokenHeard], until a signed report replaces it.
const ResultHeard = "sms_accept"

// OwnToken is the token of a meter's report.
type OwnToken struct {
	ID        id.ID
	State     TokenState
	Class     uint8
	Elsewhere bool // another system made the token: somebody handed its digits in to be sent to the meter
}

// Effect is the meaning of a reported result for one of the server's tokens.
type Effect uint8

// Effects of a result.
const (
	// InMeter: the token's value is in the meter. The answer used_error counts too, because somebody may have typed the token before.
	InMeter Effect = iota
	// Later: the token was not consumed and may be tried again later.
	Later
	// Partly: the meter took this token as one of a set, and it need not be sent again.
	Partly
	// Refused: the meter will never take this token.
	Refused
)

// EffectOf classifies a result name. An unknown name, perhaps from a newer meter, counts as Later, so that a token is never
// written off because of it.
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

// HasIt reports whether a signed result proves that the meter has the token. A meter that was told to cancel a token may answer
// used_error because it cancelled it.
func HasIt(result string, toldToCancel bool) bool {
	return result == ResultAccept || EffectOf(result) == InMeter && !toldToCancel
}

// TokenVerdict is the effect of a report: the token's new state, whether it need not be sent any more, and an alarm.
type TokenVerdict struct {
	State    TokenState
	Answered bool
	Alarm    *Alarm
}

// JudgeToken returns the effect of a signed report about one of the server's tokens. The parameter have is the token's current state.
func JudgeToken(have TokenState, result string) TokenVerdict {
	e := EffectOf(result)
	v := TokenVerdict{State: have, Answered: e != Later}
	switch e {
	case InMeter:
		v.State = have.After(MoveAccepted)
	case Refused:
		v.State = have.After(MoveRejected)
	case Later, Partly:
		v.State = have.After(MoveDisproved)
	}
	switch have {
	case TokenReversed, TokenReversedUnconfirmed:
		// The sale was reversed but the token is loaded: money is missing, and a person must know.
		if HasIt(result, have == TokenReversed) {
			v.Alarm = &Alarm{Code: AlarmReversedUsed, Text: alarmtext.ReversedUsed()}
		}
	case TokenReserved, TokenFailed:
		// The server never gave out the digits of such a token, so somebody else did.
		if result == ResultAccept {
			v.Alarm = &Alarm{Code: AlarmGhostCredit, Text: alarmtext.GhostIssued()}
		}
	}
	return v
}

// HearToken returns the effect of an SMS in a meter's name that says a token is loaded now (accept) or was loaded before (used_error).
// Nobody can prove its sender, so an SMS never makes the token accepted, and the delivery continues. For a reversed token it raises the
// same alarm as a signed report.
func HearToken(t OwnToken, result string) TokenVerdict {
	v := TokenVerdict{State: t.State}
	if t.Class == 0 { // a new key needs a signed answer
		v.State = t.State.After(MoveHeard)
	}
	if t.State == TokenReversed || t.State == TokenReversedUnconfirmed {
		v.Alarm = JudgeToken(t.State, result).Alarm
	}
	return v
}

// Ghost is the alarm for an accepted token that is not in the store. It is nil if the report does not prove that the meter took the token.
// A used token raises no alarm, because the alarm was raised when the token was accepted.
func Ghost(t *wire.Token) *Alarm {
	if t.Result != ResultAccept || t.TID == nil || t.Class == nil {
		return nil
	}
	switch *t.Class {
	case 0:
		return &Alarm{Code: AlarmGhostCredit, Text: alarmtext.GhostCredit(t.UnitsWh, int64(*t.TID))}
	case 2:
		return &Alarm{Code: AlarmGhostToken, Text: alarmtext.GhostToken(int64(*t.TID))}
	}
	return nil
}
