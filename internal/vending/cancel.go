package vending

import (
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
)

// CancelLife is how long a meter that was connected has to cancel a token.
const CancelLife = 10 * time.Minute

// AnsweredUsed begins the answer of a meter that could not cancel a token because the token is used.
const AnsweredUsed = "used"

// CancelAnswer is a command that told a meter to cancel a token, with what the meter has said so far.
type CancelAnswer struct {
	Token   id.ID
	Command id.ID
	Taken   sale.CancelTaken
	State   command.State
	Answer  string
	Asked   time.Time
	Loaded  bool // the meter has signed that it has the token
}

// proves is what the meter's answer proves at a moment. A meter that has signed that it has the token has it, whatever it answers to
// commands. One that has taken the command and does not answer is not waited for longer than for any other: its answer counts when it
// comes.
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

// proven is what all answers about each token prove together, with its newest command. A meter that has cancelled a token says of the
// next command for it that it is used, so done proves the most. answers are in the order of their tokens, those about one token in the
// order in which the meter was asked.
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

// late reports whether an answer changes what was made of a token when its reversal was given up: any answer where there was none, and
// done where the meter had said used of a second command.
func late(c sale.Cancel) bool {
	switch c.Taken {
	case sale.TakenNever:
		return c.State == sale.CancelUsed || c.State == sale.CancelDone
	case sale.TakenUsed:
		return c.State == sale.CancelDone
	}
	return false
}

// cancelsOf are the tokens of a sale that its meter was ever told to cancel.
func cancelsOf(tx Tx, saleID id.ID) ([]sale.Cancel, error) {
	answers, err := tx.Cancelling().CancelAnswers(saleID)
	return proven(answers, tx.Moment()), err
}
