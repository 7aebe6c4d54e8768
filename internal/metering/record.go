// Package metering takes what the meters send: it decides by sequence number what is new, keeps readings, events and
// token results, and answers for their history. See [Record] for what comes in and [Outcome] for what is said of it.
//
// The decisions are pure: [Window] knows which numbers are in, [Window.Take] what to do with the next one. The store
// loads the windows of a batch, asks here, and writes in bulk. Nothing here acknowledges anything: that is for the
// broker, after the commit.
package metering

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/wire"
)

// Record is one record of a meter on its way to the store, with what the connection knows about its sender.
type Record struct {
	Tenant     access.Tenant
	Meter      int64  // the meter's dense number: meter.n
	Number     string // the meter number, for alarms and logs
	Simulated  bool   // the meter lives in its own time: no rule compares its clock with the server's
	MaxW       int64  // the most power the meter can measure; 0 where that is not known
	ReceivedAt time.Time
	Memory     string      // the memory that up/boot named on this connection; empty before the first boot
	Rec        wire.Record // what was understood; unused when Bad is set
	Bad        *wire.Bad   // what could not be understood
}

// OutcomeKind is what became of one record.
type OutcomeKind uint8

// Outcomes. Only Failed leaves the record without an acknowledgement.
const (
	// Failed: nothing was stored because something broke. The client is closed and sends again. It is the zero
	// value so that a forgotten outcome never acknowledges anything.
	Failed OutcomeKind = iota
	// Stored: the record is in the store, durable once the transaction has committed.
	Stored
	// Duplicate: the record was in the store before. Acknowledged, nothing changes.
	Duplicate
	// Beyond: the number lies beyond the receive window, or belongs to a memory that is no longer the meter's.
	// Nothing was stored; the acknowledgement repeats the watermark and the meter sends again from there.
	Beyond
	// Quarantined: the record was bad but its number could be read. It is held for review and the watermark moves.
	Quarantined
	// Dropped: the record was bad and its number could not be read. It is counted and alarmed, nothing else.
	Dropped
)

// String names the outcome for logs and metrics.
func (k OutcomeKind) String() string {
	switch k {
	case Stored:
		return "stored"
	case Duplicate:
		return "duplicate"
	case Beyond:
		return "beyond"
	case Quarantined:
		return "quarantined"
	case Dropped:
		return "dropped"
	default:
		return "failed"
	}
}

// Outcome is what became of one record and what the meter is to be told.
type Outcome struct {
	Kind      OutcomeKind
	Watermark uint64 // everything up to here is in the store: the seq of down/ack
	Rewind    bool   // the meter is asked to send again what it still has above the watermark, acknowledged or not
}

// NewReading is a reading that is new, on its way to its table.
type NewReading struct {
	Record *Record
	Memory string // the memory of the meter that it is of
}

// HeldRows is how far back a reading can lie that arrived ahead of a gap: since then only numbers of its own window
// and of the window below it can have been stored.
const HeldRows = 2 * wire.Window
