// Package outbox holds what a meter still has to tell its server: records in the order of their sequence. It keeps them
// until the server has acknowledged them, and longer if there is room. So a server that restored an older copy of its
// database can ask for them again.
//
// The device appends records and reports what has become durable; the link reads what may be published. They run on
// separate goroutines, so every method may be called from any goroutine. Nothing is published before it is durable:
// [Box.Next] returns only durable records.
package outbox

import (
	"sync"

	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// DefaultKeep is how many records a meter keeps, acknowledged ones included: half a year with a reading every half
// hour.
const DefaultKeep = 10_000

// Online and Offline are not messages of a server. The link uses them to report the state of the connection to the
// device, in order with the messages.
const (
	Online  wire.Down = "online"
	Offline wire.Down = "offline"
)

// Entry is one record, encoded.
type Entry struct {
	Seq  uint64
	Kind wire.Kind
	// Data is the encoded record alone, in the device's format. It is never changed.
	Data []byte
	// Log is the number of the entry in the meter's log that this record reports; 0 if it reports none. Register is the
	// total register in this record. The meter needs both when it starts again.
	Log      uint32
	Register unit.Energy
}

// Box is the outbox of one meter.
type Box struct {
	keep   int
	mu     sync.Mutex
	ring   []Entry // ring[0] has the lowest sequence number; the numbers have no gap
	lowest uint64  // the number of ring[0], or the next number while the ring is empty
	acked  uint64
	// durable is the newest record that may be published.
	durable   uint64
	dropped   uint64
	rewinds   uint64
	bytes     int
	boot      wire.Boot
	listeners []chan struct{}
}

// New returns an empty outbox whose next record has the sequence number next, with everything below acknowledged. keep
// is how many records it holds, at least wire.Window; 0 means DefaultKeep.
func New(next uint64, keep int) *Box {
	if keep <= 0 {
		keep = DefaultKeep
	}
	keep = max(keep, wire.Window)
	return &Box{keep: keep, lowest: next, acked: next - 1, durable: next - 1}
}

// Append adds the record that follows the newest one, and refuses any other. If there is no room it drops the oldest
// record; lost reports that the dropped record was not acknowledged.
func (b *Box) Append(e Entry) (added, lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Seq != b.next() {
		return false, false
	}
	b.ring = append(b.ring, e)
	b.bytes += len(e.Data)
	if len(b.ring) <= b.keep {
		return true, false
	}
	lost = b.lowest > b.acked
	if lost {
		b.dropped++
		b.acked = b.lowest // the dropped record can never be sent: waiting for it would block all later records
		b.durable = max(b.durable, b.acked)
	}
	b.bytes -= len(b.ring[0].Data)
	b.ring[0] = Entry{}
	b.ring = b.ring[1:]
	b.lowest++
	return true, lost
}

func (b *Box) next() uint64 { return b.lowest + uint64(len(b.ring)) }

// Durable marks everything appended so far as durable and wakes the listeners.
func (b *Box) Durable() {
	b.mu.Lock()
	moved := b.durable != b.next()-1
	b.durable = b.next() - 1
	b.mu.Unlock()
	if moved {
		b.wake()
	}
}

// Ack handles an acknowledgement. It reports whether the number of the last acknowledged record has changed. An
// acknowledgement that is not above the last one changes nothing, unless it asks for a rewind. An acknowledgement above
// the newest durable record belongs to another memory and is ignored.
func (b *Box) Ack(a wire.Ack) (moved bool) {
	b.mu.Lock()
	switch {
	case a.Seq > b.durable:
	case a.Rewind && a.Seq < b.acked:
		b.acked = max(a.Seq, b.lowest-1)
		b.rewinds++
		moved = true
	case a.Seq > b.acked:
		b.acked = a.Seq
		moved = true
	}
	b.mu.Unlock()
	if moved {
		b.wake()
	}
	return moved
}

// Next returns the records that may be published now, at most wire.Window. The parameter after is a sequence number:
// only records with a higher number are returned. The records are durable, not acknowledged, and within the server's
// window above the last acknowledgement.
func (b *Box) Next(after uint64) []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := max(after, b.acked) + 1
	to := min(b.durable, b.acked+wire.Window)
	if from > to || from < b.lowest {
		return nil
	}
	return append([]Entry(nil), b.ring[from-b.lowest:to-b.lowest+1]...)
}

// Copy returns up to n durable records, acknowledged or not, oldest first. Their sequence numbers are higher than the
// parameter after. Copy skips records that have left the outbox.
func (b *Box) Copy(after uint64, n int) []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := max(after+1, b.lowest)
	if from > b.durable {
		return nil
	}
	to := min(b.durable, from+uint64(n)-1)
	return append([]Entry(nil), b.ring[from-b.lowest:to-b.lowest+1]...)
}

// Announce sets what [Box.Boot] contains besides the marks.
func (b *Box) Announce(boot wire.Boot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.boot = boot
}

// Boot returns the message that opens a connection: what was last announced, with the current marks.
func (b *Box) Boot() wire.Boot {
	b.mu.Lock()
	defer b.mu.Unlock()
	boot := b.boot
	boot.Lowest, boot.Next = b.lowest, b.next()
	return boot
}

// Marks is the state of an outbox.
type Marks struct {
	// Lowest is the lowest record held, or the next one if none is held. Next is the number of the next record.
	Lowest, Next uint64
	// Acked is the newest acknowledged record, Durable the newest that may be published.
	Acked, Durable uint64
	// Dropped counts records that were dropped for lack of room before they were acknowledged.
	Dropped uint64
	// Rewinds counts how often the mark went back.
	Rewinds uint64
}

// Marks returns the state of the outbox.
func (b *Box) Marks() Marks {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Marks{Lowest: b.lowest, Next: b.next(), Acked: b.acked, Durable: b.durable, Dropped: b.dropped, Rewinds: b.rewinds}
}

// Waiting returns how many durable records are not acknowledged.
func (m Marks) Waiting() int { return int(m.Durable - m.Acked) }

// All returns every record held, oldest first.
func (b *Box) All() []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Entry(nil), b.ring...)
}

// Bytes returns the total length of all records held.
func (b *Box) Bytes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes
}

// Keep returns how many records the outbox holds at most.
func (b *Box) Keep() int { return b.keep }

// Listen returns a channel that is signalled after something became durable or was acknowledged. Each listener gets its
// own channel, for the life of the outbox.
func (b *Box) Listen() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := make(chan struct{}, 1)
	b.listeners = append(b.listeners, c)
	return c
}

func (b *Box) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.listeners {
		select {
		case c <- struct{}{}:
		default: // a signal is already waiting, and the listener reads the marks, not the number of signals
		}
	}
}
