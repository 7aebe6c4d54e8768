// Package exit says how a command of paywatt ends when it fails: with an exit code and up to three lines for a person. The
// rooms behind the commands return a [Failure]; the command line prints it.
package exit

import "strings"

// The exit codes (docs/reference/http.md#exit-codes).
const (
	Failed      = 1
	Usage       = 2
	NotFound    = 3
	Refused     = 4
	Unreachable = 5
)

// Failure is an error with an exit code: what happened, what did not happen, what to do. Not and Try may be empty.
type Failure struct {
	Code           int
	What, Not, Try string
}

// Error joins the lines.
func (f *Failure) Error() string { return strings.Join(f.Lines(), " ") }

// Lines returns the lines of the failure, without the empty ones.
func (f *Failure) Lines() []string {
	lines := []string{f.What}
	for _, line := range []string{f.Not, f.Try} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
