package terminal

import (
	"slices"
	"strings"
	"sync"
)

// maxNotes is how many lines of a log are kept.
const maxNotes = 10

// Notes stores the newest lines of a log, which would destroy the screen if they were written to it. The zero value is
// ready to use. Several goroutines may use it.
type Notes struct {
	mu    sync.Mutex
	lines []string
}

// Write stores whole lines, as loggers write them.
func (n *Notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for line := range strings.Lines(string(b)) {
		n.lines = append(n.lines, clean(line))
	}
	n.lines = n.lines[max(len(n.lines)-maxNotes, 0):]
	return len(b), nil
}

// Lines returns the newest lines, the newest last.
func (n *Notes) Lines() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.lines)
}

// clean removes what a terminal would take for a command.
func clean(line string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, line)
}
