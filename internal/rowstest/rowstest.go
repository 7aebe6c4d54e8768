// Package rowstest helps tests of use cases to implement rows in memory whose calls can fail.
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

// Calls is embedded in rows. It records the calls and what they wrote, and lets call number Broken fail. A method of the rows calls Fails
// or Writes last, after it has taken effect and set its results. So code that ignores the error continues as if the call had
// succeeded, and the test detects that.
type Calls struct {
	Made   []string
	Wrote  []string
	Broken int // counted from 1; 0 for none
}

// Fails records a call and returns ErrStore if it is the one that fails.
func (c *Calls) Fails(call string) error {
	if c.Made = append(c.Made, call); len(c.Made) == c.Broken {
		return ErrStore
	}
	return nil
}

// Writes is Fails for a call that writes.
func (c *Calls) Writes(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	c.Wrote = append(c.Wrote, text)
	return c.Fails(text)
}

// Wants checks what was written since its last call.
func (c *Calls) Wants(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.Wrote, want) {
		t.Errorf("written:\n\t%s\nwant:\n\t%s", strings.Join(c.Wrote, "\n\t"), strings.Join(want, "\n\t"))
	}
	c.Wrote = nil
}
