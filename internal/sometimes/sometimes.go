// Package sometimes counts how often random tests reached their rare states.
//
// A random test that never meets a full disk does not test full disks, and nobody notices. So a test lists the states that it
// must reach ([New]), counts each arrival at such a state ([Counter.Reached]), and prints the counts at its end
// ([Counter.Report]). In ./check long a test fails if it never reached one of its states.
//
// Only tests may import this package; go test ./internal/arch checks that.
package sometimes

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Counter counts the rare states of one test. Goroutines may share it.
type Counter struct {
	mu     sync.Mutex
	states []string
	counts map[string]int
}

// New makes a Counter of the states that a test must reach in its long run.
func New(states ...string) *Counter {
	c := &Counter{states: slices.Clone(states), counts: make(map[string]int, len(states))}
	for _, s := range states {
		if _, twice := c.counts[s]; twice {
			panic("sometimes: state listed twice: " + s)
		}
		c.counts[s] = 0
	}
	return c
}

// Reached counts one arrival at a state. It panics for a state that is not listed, so that a misspelt name is noticed.
func (c *Counter) Reached(state string) { c.Add(state, 1) }

// Add counts n arrivals at a state. n may be 0.
func (c *Counter) Add(state string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, listed := c.counts[state]; !listed {
		panic("sometimes: state not listed: " + state)
	}
	c.counts[state] += n
}

// When counts one arrival at a state if the condition holds.
func (c *Counter) When(condition bool, state string) {
	if condition {
		c.Reached(state)
	}
}

// Never lists the states that were not reached, in the order of [New].
func (c *Counter) Never() (states []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.states {
		if c.counts[s] == 0 {
			states = append(states, s)
		}
	}
	return states
}

// lineWidth is the approximate number of characters in one line of states.
const lineWidth = 150

// Table returns the states with their counts, several in each line, the rarest states first.
func (c *Counter) Table() (lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rarest := slices.Clone(c.states)
	slices.SortStableFunc(rarest, func(a, b string) int { return c.counts[a] - c.counts[b] })
	line := ""
	for _, s := range rarest {
		entry := fmt.Sprintf("%s %d", s, c.counts[s])
		if line != "" && len(line)+len(entry) > lineWidth {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += ", "
		}
		line += entry
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Report prints the table as lines of figures, which ./check repeats. In a long run it fails the test if any state was never
// reached. Each line and the error begin with the given name of the run.
func (c *Counter) Report(t testing.TB, how string, long bool) {
	t.Helper()
	never := c.Never()
	t.Logf("figures: %s: %d of %d rare states reached", how, len(c.states)-len(never), len(c.states))
	for _, line := range c.Table() {
		t.Logf("figures: %s: %s", how, line)
	}
	if long && len(never) > 0 {
		t.Errorf("%s: these rare states were never reached: %s. The test does not show what it is for", how, strings.Join(never, ", "))
	}
}
