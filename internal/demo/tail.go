package demo

import (
	"io"
	"sync"
)

// tailSize is how much of the log is stored, in bytes.
const tailSize = 64 << 10

// tail stores the end of what is written to it: a log that is shown only when something fails.
type tail struct {
	mu  sync.Mutex
	buf []byte
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
