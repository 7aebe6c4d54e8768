// Package store keeps everything Paywatt knows, behind two doors that look the same on every engine.
//
// Run (on [Engine]) carries out a closure in a transaction and returns only after the commit; Ingest takes what the meters
// sent, decides in pure Go and writes in bulk. Queries and row mapping stand once for all engines, in a folder per area:
// people, books, meters, sales and messages, each over those before it and over the core (the transaction, its connection,
// sealing, evidence). [Tx] has the rows of all areas. store/sqlite and store/postgres hold connection, writer,
// locks and dialect. What a transaction does is durable when Run returns, or Run returns an error:
//
//   - refused: the closure says so; everything it had written is rolled back; error is nil
//   - failed: nothing happened
//   - [ErrOutcomeUnknown]: COMMIT itself failed; nobody knows; the engine goes read-only until it is reopened
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

// Lane orders waiting work: a sale goes before readings, readings before jobs.
type Lane int

// Lanes, first served first.
const (
	Sale Lane = iota
	Reading
	Job
)

// Sentinel errors of every engine.
var (
	// ErrOutcomeUnknown: COMMIT errored. The work may or may not be there; the engine is read-only until reopened.
	ErrOutcomeUnknown = errors.New("outcome unknown: the database could not say whether the commit happened")
	// ErrFull: the disk is full; the closure changed nothing. A closure that only reads, and at most adds to the audit log, is
	// still carried out while there is any room.
	ErrFull = access.ErrFull
	// ErrReadOnly: an earlier commit had an unknown outcome, so nothing more is written until a restart.
	ErrReadOnly = errors.New("storage is read-only after an input/output error: nothing was written")
	// ErrNewer: the database was written by a newer version of Paywatt.
	ErrNewer = errors.New("the database is of a newer version of Paywatt")
	// ErrOlder: the database was not upgraded to this version of Paywatt yet.
	ErrOlder = errors.New("the database is of an older version of Paywatt")
	// ErrClosed: the engine has been closed; nothing happened.
	ErrClosed = errors.New("storage is closed: nothing was written")
	// ErrNoIntake: the engine was opened without what takes records of meters.
	ErrNoIntake = errors.New("this database accepts no meter records: nothing was written")
	// ErrBusy: the queue in front of the writer is full; nothing happened.
	ErrBusy = errors.New("storage is busy: nothing was written")

	// Those of the rows themselves; see the core.
	ErrNotFound  = core.ErrNotFound
	ErrConflict  = core.ErrConflict
	ErrInvariant = core.ErrInvariant
)

// FirstTenant is the tenant that every new database has.
const FirstTenant = core.FirstTenant

// Intake decides in one transaction about records that meters sent and writes what is new; outcomes stand in the order of the
// records. An engine calls it for what its Ingest has queued.
type Intake func(tx intake.Tx, recs []metering.Record) ([]metering.Outcome, error)

// Due is told after a commit in which lanes of the outbox it made something due, so that nothing waits for the next poll. It is
// called on a goroutine of the engine and must not block.
type Due func(lanes []string)

// Engine is a database that keeps a Paywatt. SQLite has the one of this version.
type Engine interface {
	// Run has fn run in a transaction that is durable when Run returns nil. When fn says refused
	// its writes are undone and Run returns nil. A context that ends while fn still waits for its turn ends the wait
	// and nothing happened; once fn has its turn, Run waits for the outcome.
	Run(ctx context.Context, t access.Tenant, lane Lane, fn func(*Tx) (refused bool, err error)) error
	// View runs fn on a consistent snapshot for reading only.
	View(ctx context.Context, t access.Tenant, fn func(*Tx) error) error
	// Ingest queues what one message of a meter brought and returns at once; the engine merges all that waits into one
	// transaction. recs belong to the engine until done is called. done is called exactly once, after the commit, on a
	// goroutine of the engine: outcomes in the order of recs, and an error when at least one of them is Failed. Messages of
	// one meter are answered in the order of the calls. An error of Ingest itself ([ErrBusy], [ErrReadOnly], [ErrFull],
	// [ErrClosed]) means that nothing was queued and done will not be called.
	Ingest(recs []metering.Record, done func([]metering.Outcome, error)) error
	// Health is nil while the node may serve: it takes writes and no invariant was found broken. Else it says why not.
	Health() error
	// Close finishes what has been queued, then releases the database. Nothing is taken any more.
	Close() error
}
