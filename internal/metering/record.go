// Package metering decides by sequence number which records of meters are new, judges them, and lists the history of readings,
// events and token results. See [Record] for the input and [Outcome] for the result.
//
// The decisions are pure: [Window] holds the numbers that have arrived, and [Window.Take] judges the next number. The store loads the
// windows of a batch, calls this package, and writes in bulk. This package does not acknowledge: the broker does, after the commit.
package metering

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/wire"
)

// Record is one record of a meter on its way to the store, with the connection's data about its sender.
type Record struct {
	Tenant     access.Tenant
	Meter      int64  // the meter's dense number: meter.n
	Number     string // the meter number, for alarms and logs
	Simulated  bool   // the meter has a time of its own: no rule compares its clock with the server's
	MaxW       int64  // the highest power that the meter can measure; 0 if unknown
	ReceivedAt time.Time
	Memory     string      // the device memory that up/boot named on this connection; empty before the first boot
	Rec        wire.Record // the parsed record; unused if Bad is set
	Bad        *wire.Bad   // the record that could not be read
}

// OutcomeKind is the outcome of one record.
type OutcomeKind uint8

// Outcomes. Only Failed leaves the record without an acknowledgement.
const (
	// Failed: nothing was stored because of an error. The connection is closed and the meter sends again. It is the zero value,
	// so that a forgotten outcome never acknowledges a record.
	Failed OutcomeKind = iota
	// Stored: the record is in the store, durable once the transaction has committed.
	Stored
	// Duplicate: the record was in the store before. It is acknowledged and changes nothing.
	Duplicate
	// Beyond: the number is above the receive window, or belongs to a former device memory. Nothing was stored; the
	// acknowledgement repeats the watermark and the meter sends again from there.
	Beyond
	// Quarantined: the record is unreadable or impossible, but its number could be read. It is held for review and the
	// watermark moves.
	Quarantined
	// Dropped: the record was unreadable, and so was its number. It is only counted and alarmed.
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

// Outcome is the outcome of one record, with the answer for the meter.
type Outcome struct {
	Kind      OutcomeKind
	Watermark uint64 // number up to which the store has every record: the seq of down/ack
	Rewind    bool   // asks the meter to send again every record above the watermark that it still has, even acknowledged records
}

// NewReading is a new reading on its way to its table.
type NewReading struct {
	Record *Record
	Memory string // the reading's device memory
}

// HeldRows is the number of a meter's newest stored readings to search for a reading that arrived beyond a gap. After that reading, until
// the gap closes, the window accepts only numbers that differ from the reading's number by less than [wire.Window].
const HeldRows = 2 * wire.Window
