package sale

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Reversals counts requested reversals, and sums the payments of the reversals that were not refused.
type Reversals struct {
	Number int64
	Value  money.Minor
}

// ReversalState is the progress of a reversal.
type ReversalState string

// States of a reversal.
const (
	ReversalWaiting ReversalState = "waiting" // waits for the meter to confirm that it will never load the tokens
	ReversalDone    ReversalState = "done"
	ReversalRefused ReversalState = "refused" // the sale was not reversed; Failure says why
)

// Reversal is the undoing of one sale.
type Reversal struct {
	ID        id.ID
	Sale      id.ID
	State     ReversalState
	Confirmed bool         // the meter will never load the tokens; otherwise they are reversed_unconfirmed
	Failure   refusal.Code // why the sale was not reversed
	Reason    string
	By        string
	Shift     id.ID // the open shift of whoever asked; zero without one
	At        time.Time
	SettledAt time.Time
	Cancels   []Cancel
}

// Cancel is a token of a reversed sale that its meter was told to cancel.
type Cancel struct {
	Token   id.ID
	Command id.ID
	State   CancelState // the answer with the strongest proof; answers in all reversals of the sale count
	Taken   CancelTaken
}

// CancelState is the meter's answer.
type CancelState string

// Answers of a meter to the order to cancel a token.
const (
	CancelOpen  CancelState = "open"
	CancelDone  CancelState = "done" // the TID is stored as used, so the token never loads
	CancelUsed  CancelState = "used" // too late: the token's units are in the meter
	CancelNever CancelState = "never"
)

// CancelTaken is the outcome recorded for a meter's answer.
type CancelTaken string

// Outcomes for a token that its meter was told to cancel.
const (
	TakenOpen     CancelTaken = ""         // no outcome yet: the token's reversal waits
	TakenNever    CancelTaken = "never"    // the reversal was given up without an answer; one may still come
	TakenUsed     CancelTaken = "used"     // the token's units are in the meter
	TakenDone     CancelTaken = "done"     // the token is cancelled, and its sale is reversed
	TakenOwed     CancelTaken = "owed"     // the token is cancelled, but its sale is not reversed, and its units are still to be replaced
	TakenReplaced CancelTaken = "replaced" // the token is cancelled, and another token was made for its units
)
