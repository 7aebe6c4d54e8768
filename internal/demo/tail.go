package demo

import (
	"bytes"
	"io"
	"sync"
)

// tailSize is how much of the log is stored, in bytes, and as much again of the server's warnings.
const tailSize = 64 << 10

// tail stores the end of what is written to it: a log that is shown only when something fails. The first warnings of the server are stored too,
// because they may be in the part that is not.
type tail struct {
	mu     sync.Mutex
	buf    []byte
	warned []byte
}

// serverLog is the part of the log that the server writes. A meter also warns of what the story does to it, such as a server that is away.
type serverLog struct{ *tail }

// Write writes a line of the server, whose logger writes one at a time.
func (l serverLog) Write(line []byte) (int, error) {
	l.noteWarning(line)
	return l.tail.Write(line)
}

func (t *tail) noteWarning(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if isWarning(line) && len(t.warned) < tailSize {
		t.warned = append(t.warned, line...)
	}
}

// isWarning reports whether a line of a log is a warning or an error.
func isWarning(line []byte) bool {
	return bytes.Contains(line, []byte(" level=WARN ")) || bytes.Contains(line, []byte(" level=ERROR "))
}

// Write implements io.Writer; it never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

// WriteTo implements io.WriterTo.
func (t *tail) WriteTo(w io.Writer) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := w.Write(t.buf)
	return int64(n), err
}

// writeWarnings writes the warnings and errors of the server.
func (t *tail) writeWarnings(w io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := w.Write(t.warned)
	return err
}
