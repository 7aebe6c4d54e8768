package diagnosis

import (
	"fmt"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// These constants limit how often somebody may ask about digits that were not sold to them. Of random tokens of class 0, one in 65,536
// passes the check field, and one in about four million is electricity credit of an amount that a meter accepts. An asker who never pauses
// needs most of a year to hit a token that passes the check field, and a lifetime to hit such a credit.
const (
	// ActorGuesses is the number of such questions that an actor may ask within GuessWindow.
	ActorGuesses = 300
	// MeterGuesses is the number of such questions about one meter within GuessWindow, from all askers together. Only questions for which
	// the meter's keys are tried count.
	MeterGuesses = 30
	// GuessWindow is the time for which a question counts.
	GuessWindow = 24 * time.Hour
	// maxCounts bounds the memory of the limits. When it is reached, no new asker is admitted until a window ends.
	maxCounts = 20_000
)

// guesses counts questions by actor and by meter. The counts end with the process. That is safe: a guesser cannot
// restart the server, and every question is in the audit log.
type guesses struct {
	mu     sync.Mutex
	counts map[string]*count
}

// count is the number of questions in one window, which begins with the first question.
type count struct {
	from time.Time
	n    int
}

func newGuesses() *guesses { return &guesses{counts: map[string]*count{}} }

// take counts one question of an actor, and of a meter if number is not empty. If a limit is reached it counts nothing,
// and returns how long to wait and the refusal.
func (g *guesses) take(by access.Actor, number string, now time.Time) (time.Duration, refusal.Refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	mine, ok := g.window(fmt.Sprintf("actor %d %s %s", by.Tenant, by.Kind, by.ID), now)
	if !ok {
		return GuessWindow, refuse.GuessesOfTooMany(refuse.Span(GuessWindow))
	}
	if mine.n >= ActorGuesses {
		wait := mine.from.Add(GuessWindow).Sub(now)
		return wait, refuse.GuessesOfPerson(ActorGuesses, refuse.Span(max(wait.Round(time.Minute), time.Minute)))
	}
	var meters *count
	if number != "" {
		if meters, ok = g.window(fmt.Sprintf("meter %d %s", by.Tenant, number), now); !ok {
			return GuessWindow, refuse.GuessesOfTooMany(refuse.Span(GuessWindow))
		}
		if meters.n >= MeterGuesses {
			wait := meters.from.Add(GuessWindow).Sub(now)
			return wait, refuse.GuessesAboutMeter(MeterGuesses, number, refuse.Span(max(wait.Round(time.Minute), time.Minute)))
		}
		meters.n++
	}
	mine.n++
	return 0, refusal.Refusal{}
}

// window returns the count under a name. It begins a new count if the old window has ended, or if it began in the future because the clock
// was set back. It returns false if there is no room.
func (g *guesses) window(name string, now time.Time) (*count, bool) {
	c, ok := g.counts[name]
	if ok && !c.over(now) {
		return c, true
	}
	if !ok && len(g.counts) >= maxCounts {
		for old, c := range g.counts {
			if c.over(now) {
				delete(g.counts, old)
			}
		}
		if len(g.counts) >= maxCounts {
			return nil, false
		}
	}
	c = &count{from: now}
	g.counts[name] = c
	return c, true
}

func (c *count) over(now time.Time) bool { return now.Before(c.from) || now.Sub(c.from) >= GuessWindow }
