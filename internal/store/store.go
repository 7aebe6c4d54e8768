// Package store keeps all data of Paywatt, behind two methods that work the same way on every engine.
//
// Run (on [Engine]) runs a closure in a transaction and returns only after the commit. Ingest takes the records that meters sent, decides
// about them in pure Go and writes them in bulk. Queries and row mapping exist once for all engines, in a folder for each area: people,
// books, meters, sales and messages. Each area builds on those before it and on the core (the transaction, its connection, sealing,
// evidence). [Tx] has the rows of all areas. store/sqlite and store/postgres hold connection, writer, locks and dialect. When Run returns,
// the transaction is committed and durable, or it has one of these outcomes:
//
//   - refused: the closure returned refused; its writes are rolled back and the error is nil
//   - failed: nothing was written
//   - [ErrOutcomeUnknown]: COMMIT itself failed; the writes may be stored or not; the engine is read-only until it is reopened
//
// A closure may run more than once and touches nothing but its Tx.
package store

import (
	"context"
	"errors"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Lane orders waiting work: sales go before readings, readings before jobs.
type Lane int

// These are the lanes in the order in which they are served.
const (
	Sale Lane = iota
	Reading
	Job
)

// Sentinel errors of every engine.
var (
	// ErrOutcomeUnknown: COMMIT failed. The work may or may not be stored; the engine is read-only until reopened.
	ErrOutcomeUnknown = errors.New("outcome unknown: the database could not say whether the commit happened")
	// ErrFull: the disk is full; the closure changed nothing. A closure that only reads, and at most adds to the audit log, still runs
	// while there is any room.
	ErrFull = access.ErrFull
	// ErrReadOnly: an earlier commit had an unknown outcome, or the database failed; nothing is written until a restart.
	ErrReadOnly = errors.New("storage is read-only after an input/output error: nothing was written")
	// ErrNewer: the database was written by a newer version of Paywatt.
	ErrNewer = errors.New("the database is of a newer version of Paywatt")
	// ErrOlder: the database was not upgraded to this version of Paywatt yet.
	ErrOlder = errors.New("the database is of an older version of Paywatt")
	// ErrClosed: the engine has been closed; nothing was written.
	ErrClosed = errors.New("storage is closed: nothing was written")
	// ErrNoIntake: the engine was opened without an [Intake] for records of meters.
	ErrNoIntake = errors.New("this database accepts no meter records: nothing was written")
	// ErrBusy: the queue in front of the writer is full, or the database is busy; nothing was written.
	ErrBusy = errors.New("storage is busy: nothing was written")

	// Errors of the rows themselves; see the core.
	ErrNotFound  = core.ErrNotFound
	ErrConflict  = core.ErrConflict
	ErrInvariant = core.ErrInvariant
)

// FirstTenant is the tenant that every new database has.
const FirstTenant = core.FirstTenant

// Intake decides in one transaction about records that meters sent, and writes the new ones. It returns outcomes in the order of the
// records. An engine calls it with the records that its Ingest has queued.
type Intake func(tx intake.Tx, recs []metering.Record) ([]metering.Outcome, error)

// Due is called after a commit with the lanes of the outbox that have new work, so that it does not wait for the next poll. It runs on a
// goroutine of the engine and must not block.
type Due func(lanes []string)

// Engine is a database that keeps the data of a Paywatt server: SQLite or PostgreSQL.
type Engine interface {
	// Run runs fn in a transaction that is durable when Run returns nil. If fn returns refused, its writes are rolled back and Run returns
	// nil. If the context ends before fn has started, Run returns and nothing was done; once fn has started, Run waits for the outcome.
	Run(ctx context.Context, t access.Tenant, lane Lane, fn func(*Tx) (refused bool, err error)) error
	// View runs fn on a consistent snapshot for reading only.
	View(ctx context.Context, t access.Tenant, fn func(*Tx) error) error
	// Ingest queues the records of one message of a meter and returns at once; the engine merges all waiting records into one transaction.
	// recs belong to the engine until done is called. done is called exactly once, after the commit, on a goroutine of the engine. It gets
	// the outcomes in the order of recs, and an error if any outcome is Failed. Messages of one meter are answered in the order of the calls.
	// An error of Ingest itself ([ErrBusy], [ErrReadOnly], [ErrFull], [ErrClosed]) means that nothing was queued and done will not be
	// called.
	Ingest(recs []metering.Record, done func([]metering.Outcome, error)) error
	// Health returns nil while the node may serve: it takes writes, and no invariant was found broken. Otherwise it says why not.
	Health() error
	// Close stops taking work, finishes the queued work, then releases the database.
	Close() error
}
