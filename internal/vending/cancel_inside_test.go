package vending

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
)

// TestWhatOneAnswerProves checks every state of a command.
func TestWhatOneAnswerProves(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		state  command.State
		answer string
		age    time.Duration
		want   sale.CancelState
	}{
		{command.StateQueued, "", time.Hour, sale.CancelOpen},
		{command.StateSent, "", time.Hour, sale.CancelOpen},
		{command.StateAcked, "", CancelLife - 1, sale.CancelOpen},
		{command.StateAcked, "", CancelLife, sale.CancelNever},
		{command.StateDone, "", 0, sale.CancelDone},
		{command.StateDone, "used", 0, sale.CancelDone},
		{command.StateFailed, "used", 0, sale.CancelUsed},
		{command.StateFailed, "used before", 0, sale.CancelUsed},
		{command.StateFailed, "unused", 0, sale.CancelNever},
		{command.StateFailed, "", 0, sale.CancelNever},
		{command.StateExpired, "", 0, sale.CancelNever},
		{command.StateExpired, "used", 0, sale.CancelNever},
	} {
		a := CancelAnswer{State: c.state, Answer: c.answer, Asked: now.Add(-c.age)}
		if got := a.proves(now); got != c.want {
			t.Errorf("%s %q after %s proves %s, want %s", c.state, c.answer, c.age, got, c.want)
		}
		if a.Loaded = true; a.proves(now) != sale.CancelUsed {
			t.Errorf("%s %q of a token that the meter has by its report proves %s, want used", c.state, c.answer, a.proves(now))
		}
	}
}

// TestTheBestAnswerAboutATokenCounts checks that the best answer counts, whichever command it answers and whichever answer came first.
func TestTheBestAnswerAboutATokenCounts(t *testing.T) {
	one, two := id.ID{1}, id.ID{2}
	answers := map[sale.CancelState]CancelAnswer{sale.CancelNever: {State: command.StateExpired}, sale.CancelOpen: {State: command.StateQueued},
		sale.CancelUsed: {State: command.StateFailed, Answer: AnsweredUsed}, sale.CancelDone: {State: command.StateDone}}
	worstFirst := []sale.CancelState{sale.CancelNever, sale.CancelOpen, sale.CancelUsed, sale.CancelDone}
	for i, a := range worstFirst {
		for j, b := range worstFirst {
			first, second := answers[a], answers[b]
			first.Token, first.Command, first.Taken = one, id.ID{11}, sale.TakenNever
			second.Token, second.Command = one, id.ID{12}
			other := CancelAnswer{Token: two, Command: id.ID{13}, Taken: sale.TakenOwed, State: command.StateDone}
			want := []sale.Cancel{{Token: one, Command: id.ID{12}, State: worstFirst[max(i, j)]}, {Token: two, Command: id.ID{13}, State: sale.CancelDone, Taken: sale.TakenOwed}}
			if got := proven([]CancelAnswer{first, second, other}, time.Time{}); !slices.Equal(got, want) {
				t.Errorf("%s, then %s: %+v, want %+v", a, b, got, want)
			}
		}
	}
}

// TestWhichAnswersAreLate combines every recorded outcome of a token with every answer.
func TestWhichAnswersAreLate(t *testing.T) {
	for taken, want := range map[sale.CancelTaken][]sale.CancelState{
		sale.TakenOpen: nil, sale.TakenNever: {sale.CancelUsed, sale.CancelDone}, sale.TakenUsed: {sale.CancelDone},
		sale.TakenDone: nil, sale.TakenOwed: nil, sale.TakenReplaced: nil,
	} {
		for _, state := range []sale.CancelState{sale.CancelNever, sale.CancelOpen, sale.CancelUsed, sale.CancelDone} {
			if got := late(sale.Cancel{State: state, Taken: taken}); got != slices.Contains(want, state) {
				t.Errorf("%s of a token taken as %q: late %t", state, taken, got)
			}
		}
	}
}
