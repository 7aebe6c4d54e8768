// Package rowstest helps to write rows in memory that fail at a chosen call, for tests of use cases.
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

// Calls is embedded in rows. It notes which calls were made and what they wrote. The call with the number Broken fails. A call calls
// Fails or Writes last, so that it still has its effect and its values: code that overlooks the error goes on and returns none.
type Calls struct {
	Made   []string
	Wrote  []string
	Broken int // counted from 1; 0 for none
}

// Fails notes a call and says whether it fails.
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

// Wants compares what was written since the last time.
func (c *Calls) Wants(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.Wrote, want) {
		t.Errorf("written:\n\t%s\nwant:\n\t%s", strings.Join(c.Wrote, "\n\t"), strings.Join(want, "\n\t"))
	}
	c.Wrote = nil
}
