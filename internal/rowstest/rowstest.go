// Package rowstest helps tests of use cases to keep their rows in memory instead of a database. It lets a test make a
// call on these rows fail.
package rowstest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ErrStore is the error of the call that fails.
var ErrStore = errors.New("the store failed")

// Calls is embedded in the rows of a test. It records the calls and their writes, and lets one call fail. A method of the rows changes the
// rows and computes its results before it calls Fails or Writes. So code that ignores the error continues as if the call had succeeded,
// and the test detects this mistake.
type Calls struct {
	Made   []string
	Wrote  []string
	Broken int // number of the failing call, counted from 1; 0 for none
}

// Fails records a call, and returns ErrStore if this call is the one to fail.
func (c *Calls) Fails(call string) error {
	if c.Made = append(c.Made, call); len(c.Made) == c.Broken {
		return ErrStore
	}
	return nil
}

// Writes does what Fails does, for a call that writes.
func (c *Calls) Writes(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	c.Wrote = append(c.Wrote, text)
	return c.Fails(text)
}

// Wants compares the writes since its last call with the expected writes.
func (c *Calls) Wants(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.Wrote, want) {
		t.Errorf("written:\n\t%s\nwant:\n\t%s", strings.Join(c.Wrote, "\n\t"), strings.Join(want, "\n\t"))
	}
	c.Wrote = nil
}
