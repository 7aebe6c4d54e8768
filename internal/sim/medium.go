package sim

import (
	"io"

	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/meter/journal"
)

// medium is the memory of one meter. It keeps its content when the device restarts, and a power cut may tear any write at any byte.
type medium struct {
	image [journal.Size]byte
	log   *memory.RAM
	// budget is the number of bytes that can still be written before the mains fails; negative for no limit.
	budget int
}

// torn is the panic value of a medium when the mains fails in the middle of a write.
type torn struct{}

func newMedium() *medium { return &medium{log: memory.NewRAM(), budget: -1} }

// allow returns the number of bytes, of n, that are written before the mains fails.
func (m *medium) allow(n int) int {
	if m.budget < 0 {
		return n
	}
	got := min(n, m.budget)
	m.budget -= got
	return got
}

// ReadAt implements journal.Memory.
func (m *medium) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(m.image)) {
		return 0, io.EOF
	}
	n := copy(b, m.image[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements journal.Memory.
func (m *medium) WriteAt(b []byte, at int64) (int, error) {
	n := m.allow(len(b))
	copy(m.image[at:], b[:n])
	if n < len(b) {
		panic(torn{})
	}
	return n, nil
}

// Sync implements journal.Memory.
func (m *medium) Sync() error { return nil }

// lossy is the log of a medium.
type lossy struct{ m *medium }

// Append implements memory.Log.
func (l lossy) Append(f memory.Frame) error { return l.m.log.Append(f) }

// Sync implements memory.Log.
func (l lossy) Sync() error {
	_, pending := l.m.log.Bytes()
	if n := l.m.allow(len(pending)); n < len(pending) {
		l.keep(n)
		panic(torn{})
	}
	return l.m.log.Sync()
}

// keep reduces the log to the content that survives a cut: all durable bytes, and n bytes of the unfinished write.
func (l lossy) keep(n int) {
	durable, pending := l.m.log.Bytes()
	l.m.log, _ = memory.LoadRAM(append(append(make([]byte, 0, len(durable)+n), durable...), pending[:n]...))
}

// Commit implements memory.Log.
func (l lossy) Commit(f memory.Frame) error {
	if err := l.m.log.Append(f); err != nil {
		return err
	}
	return l.Sync()
}

// Replace implements memory.Log. The new content is written beside the old content, and replaces it in one step.
func (l lossy) Replace(frames []memory.Frame) error {
	next := memory.NewRAM()
	if err := next.Replace(frames); err != nil {
		return err
	}
	if n := int(next.Size()); l.m.allow(n) < n {
		l.keep(0)
		panic(torn{})
	}
	l.m.log = next
	return nil
}

// Size implements memory.Log.
func (l lossy) Size() int64 { return l.m.log.Size() }

// Close implements memory.Log.
func (l lossy) Close() error { return nil }

// restart returns the content that a start finds after a cut: only durable data.
func (m *medium) restart() memory.Found {
	lossy{m}.keep(0)
	m.budget = -1
	durable, _ := m.log.Bytes()
	var found memory.Found
	m.log, found = memory.LoadRAM(durable)
	return found
}
