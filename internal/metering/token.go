package metering

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/wire"
)

// TokenState is the state of an issued token (the domain reference, §9).
type TokenState string

// Token states. A token may leave rejected again: only what the meter accepted is final.
const (
	TokenReserved            TokenState = "reserved"
	TokenIssued              TokenState = "issued"
	TokenSent                TokenState = "sent"
	TokenAccepted            TokenState = "accepted"
	TokenRejected            TokenState = "rejected"
	TokenReversed            TokenState = "reversed"
	TokenReversedUnconfirmed TokenState = "reversed_unconfirmed"
	TokenFailed              TokenState = "failed"
)

// Results of a token entry that the server branches on (the domain reference, §4.4).
const (
	resultAccept   = "accept"
	resultUsed     = "used_error"
	resultOverflow = "overflow_error"
	resultLocked   = "locked"
	resultBusy     = "busy"
	resultStorage  = "storage_error"
)

// ResultHeard stands as the result of a token that a meter has said by SMS to have. Nobody can prove who sent such a
// message: the next result that comes signed takes its place, whatever it is.
const ResultHeard = "sms_accept"

// OwnToken is a token that a meter's report is about.
type OwnToken struct {
	ID        id.ID
	State     TokenState // by what the meter has signed, see [SignedState]
	Elsewhere bool       // it was not made here: somebody handed its digits in to be sent to the meter
}

// SignedState is how far a token has come by what the meter has signed: one that was only heard of by SMS was sent, and what
// the meter says of it now takes the place of that.
func SignedState(state, result string) TokenState {
	if TokenState(state) == TokenAccepted && result == ResultHeard {
		return TokenSent
	}
	return TokenState(state)
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
	case resultAccept, resultUsed:
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

// JudgeToken decides what a report of one of our tokens changes. have is the token's state now.
func JudgeToken(have TokenState, result string) TokenVerdict {
	e := EffectOf(result)
	v := TokenVerdict{State: have, Answered: e != Later}
	switch have {
	case TokenIssued, TokenSent, TokenRejected:
		switch e {
		case InMeter:
			v.State = TokenAccepted
		case Refused:
			v.State = TokenRejected
		}
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
