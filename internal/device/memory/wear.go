package memory

import (
	"cmp"
	"encoding/binary"

	"github.com/paywatt/paywatt/meter/journal"
)

// The image on the chip that would hold it: 4 KiB in pages, each made for a limited number of writes.
const (
	pageSize = 32
	pages    = journal.Size / pageSize
	// Endurance is how often a page can be written (AT24C32: a million).
	Endurance = 1_000_000
)

// Worn is an image that counts how often each of its pages is written. A write to a worn-out page still succeeds. A real
// page also works for some time beyond its rated number of writes.
type Worn struct {
	journal.Memory
	writes    [pages]uint32
	worst     uint32
	endurance uint32
}

// NewWorn counts the writes to an image. saved is the result of Counts when the meter last ended, nil for a new memory.
// endurance is how many writes a page is made for; 0 means Endurance.
func NewWorn(image journal.Memory, saved []byte, endurance uint32) *Worn {
	endurance = cmp.Or(endurance, Endurance)
	w := &Worn{Memory: image, endurance: endurance}
	for i := range w.writes {
		if len(saved) >= 4*(i+1) {
			w.writes[i] = binary.LittleEndian.Uint32(saved[4*i:])
			w.worst = max(w.worst, w.writes[i])
		}
	}
	return w
}

// WriteAt implements journal.Memory.
func (w *Worn) WriteAt(b []byte, at int64) (int, error) {
	for p := at / pageSize; len(b) > 0 && p <= (at+int64(len(b))-1)/pageSize && p < pages; p++ {
		w.writes[p]++
		w.worst = max(w.worst, w.writes[p])
	}
	return w.Memory.WriteAt(b, at)
}

// Worst implements board.Wear.
func (w *Worn) Worst() (writes, endurance uint32) { return w.worst, w.endurance }

// Counts returns the writes of every page, encoded for the log.
func (w *Worn) Counts() []byte {
	b := make([]byte, 0, 4*pages)
	for _, n := range w.writes {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}
