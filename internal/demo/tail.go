package demo

import (
	"io"
	"sync"
)

// tailSize is how much of the log is kept, in bytes.
const tailSize = 64 << 10

// tail keeps the end of what is written to it: the log of parts that speak only when something goes wrong.
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
