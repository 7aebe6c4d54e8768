package sometimes_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/sometimes"
)

// log is a test that records its output.
type log struct {
	testing.TB
	lines, errors []string
}

func (l *log) Helper()                    {}
func (l *log) Logf(form string, a ...any) { l.lines = append(l.lines, fmt.Sprintf(form, a...)) }
func (l *log) Errorf(form string, a ...any) {
	l.errors = append(l.errors, fmt.Sprintf(form, a...))
}

func TestAStateThatWasNeverReachedFailsTheLongRun(t *testing.T) {
	c := sometimes.New("disk full", "key locked", "restore")
	c.Reached("restore")
	c.When(true, "restore")
	c.When(false, "disk full")
	c.Add("key locked", 1)
	for _, long := range []bool{false, true} {
		l := &log{TB: t}
		c.Report(l, "histories", long)
		want := []string{"figures: histories: 2 of 3 rare states reached", "figures: histories: disk full 0, key locked 1, restore 2"}
		if !slices.Equal(l.lines, want) {
			t.Errorf("long %t: printed %q, want %q", long, l.lines, want)
		}
		if failed := len(l.errors) == 1 && strings.Contains(l.errors[0], "never reached: disk full."); failed != long {
			t.Errorf("long %t: errors %q", long, l.errors)
		}
	}
	c.Reached("disk full")
	l := &log{TB: t}
	if c.Report(l, "histories", true); len(l.errors) != 0 {
		t.Errorf("all reached: errors %q", l.errors)
	}
}

func TestAStateThatIsNotListedPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a misspelt state was counted")
		}
	}()
	sometimes.New("restore").Reached("restored")
}
