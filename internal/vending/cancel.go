package vending

import (
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
)

// CancelLife is how long the server waits for a connected meter to cancel a token.
const CancelLife = 10 * time.Minute

// AnsweredUsed is the beginning of a meter's answer if the meter could not cancel a token because the token is used.
const AnsweredUsed = "used"

// CancelAnswer is a command that told a meter to cancel a token, with the meter's answer so far.
type CancelAnswer struct {
	Token   id.ID
	Command id.ID
	Taken   sale.CancelTaken
	State   command.State
	Answer  string
	Asked   time.Time
	Loaded  bool // whether the meter has signed that it has the token
}

// proves returns what the meter's answer proves at a moment. If a meter has signed that it has loaded the token, it has the token, whatever
// it answers to commands. If a meter took the command and does not answer, the server waits no longer than for any other meter. A later
// answer still counts.
func (a CancelAnswer) proves(now time.Time) sale.CancelState {
	switch {
	case a.Loaded:
		return sale.CancelUsed
	case a.State == command.StateDone:
		return sale.CancelDone
	case a.State == command.StateFailed && strings.HasPrefix(a.Answer, AnsweredUsed):
		return sale.CancelUsed
	case a.State == command.StateFailed, a.State == command.StateExpired, a.State == command.StateAcked && now.Sub(a.Asked) >= CancelLife:
		return sale.CancelNever
	}
	return sale.CancelOpen
}

// proven returns what all answers about each token prove together, with the newest command. A meter that has cancelled a token answers the
// next command for it with "used". So the answer "done" proves the most. The answers are ordered by
// token, and for one token by when the meter was asked.
func proven(answers []CancelAnswer, now time.Time) []sale.Cancel {
	rank := []sale.CancelState{sale.CancelNever, sale.CancelOpen, sale.CancelUsed, sale.CancelDone}
	var out []sale.Cancel
	for _, a := range answers {
		c := sale.Cancel{Token: a.Token, Command: a.Command, Taken: a.Taken, State: a.proves(now)}
		if n := len(out); n > 0 && out[n-1].Token == a.Token {
			c.State = rank[max(slices.Index(rank, out[n-1].State), slices.Index(rank, c.State))]
			out = out[:n-1]
		}
		out = append(out, c)
	}
	return out
}

// late reports whether an answer changes the outcome that was recorded for a token when its reversal was given up. If no answer was
// recorded, any final answer changes it. If "used" was recorded, only "done" changes it: the meter may have answered "used" to a second
// command.
func late(c sale.Cancel) bool {
	switch c.Taken {
	case sale.TakenNever:
		return c.State == sale.CancelUsed || c.State == sale.CancelDone
	case sale.TakenUsed:
		return c.State == sale.CancelDone
	}
	return false
}

// cancelsOf returns the tokens of a sale that its meter was ever told to cancel.
func cancelsOf(tx Tx, saleID id.ID) ([]sale.Cancel, error) {
	answers, err := tx.Cancelling().CancelAnswers(saleID)
	return proven(answers, tx.Moment()), err
}
