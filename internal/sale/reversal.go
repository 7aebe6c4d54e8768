package sale

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Reversals counts reversals that were asked for, and sums the tender of those that were not refused.
type Reversals struct {
	Number int64
	Value  money.Minor
}

// ReversalState says how far a reversal has come.
type ReversalState string

// States of a reversal.
const (
	ReversalWaiting ReversalState = "waiting" // for the meter to say that it will never load the tokens
	ReversalDone    ReversalState = "done"
	ReversalRefused ReversalState = "refused" // the sale stands; Failure says why
)

// Reversal is the undoing of one sale.
type Reversal struct {
	ID        id.ID
	Sale      id.ID
	State     ReversalState
	Confirmed bool         // the meter will never load the tokens; else they are reversed_unconfirmed
	Failure   refusal.Code // why the sale stands
	Reason    string
	By        string
	At        time.Time
	SettledAt time.Time
	Cancels   []Cancel
}

// Cancel is a token of a reversed sale that its meter was told to forget.
type Cancel struct {
	Token   id.ID
	Command id.ID
	State   CancelState // the best of all answers about the token, whichever reversal asked for them
	Taken   CancelTaken
}

// CancelState is what the meter answered.
type CancelState string

// Answers of a meter that was told to forget a token.
const (
	CancelOpen  CancelState = "open"
	CancelDone  CancelState = "done" // the TID is stored as used: the token never loads
	CancelUsed  CancelState = "used" // too late: its units are in the meter
	CancelNever CancelState = "never"
)

// CancelTaken is what was made of a meter's answer.
type CancelTaken string

// What becomes of the tokens that a meter was told to forget.
const (
	TakenOpen     CancelTaken = ""         // its reversal waits
	TakenNever    CancelTaken = "never"    // the reversal was given up without an answer; one may come yet
	TakenUsed     CancelTaken = "used"     // its units are in the meter
	TakenDone     CancelTaken = "done"     // dead, and its sale is reversed
	TakenOwed     CancelTaken = "owed"     // dead, its sale stands, and its units are still to be replaced
	TakenReplaced CancelTaken = "replaced" // dead, and another token was made for its units
)
