// Package store keeps everything Paywatt knows, behind two doors that look the same on every engine.
//
// [Do] runs a closure in a transaction and gives its value only after the commit; Ingest (on [Engine]) takes what the
// meters sent, decides in pure Go and writes in bulk. Queries and row mapping stand here once, a file per noun, as
// methods of [Tx] over a small [Conn]; store/sqlite (and later store/postgres) hold connection, writer, locks and
// dialect. What a transaction does is durable when Do returns, or Do returns an error:
//
//   - refused: the closure's value is a typed refusal; everything it had written is rolled back; error is nil
//   - failed: nothing happened
//   - [ErrOutcomeUnknown]: COMMIT itself failed; nobody knows; the engine goes read-only until it is reopened
//
// A closure may run more than once and touches nothing but its Tx.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
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
	// ErrNotFound: the named object does not exist in this tenant.
	ErrNotFound = errors.New("not found")
	// ErrConflict: a uniqueness rule of the database refused a row; nothing of this closure happened.
	ErrConflict = errors.New("conflict: such a row exists already")
	// ErrNewer: the database was written by a newer version of Paywatt.
	ErrNewer = errors.New("the database is of a newer version of Paywatt")
	// ErrOlder: the database was not upgraded to this version of Paywatt yet.
	ErrOlder = errors.New("the database is of an older version of Paywatt")
	// ErrInvariant: our own code was caught breaking a rule of the books. Nothing of this closure happened; the node
	// is no longer ready.
	ErrInvariant = errors.New("broken invariant")
	// ErrClosed: the engine has been closed; nothing happened.
	ErrClosed = errors.New("storage is closed: nothing was written")
	// ErrBusy: the queue in front of the writer is full; nothing happened.
	ErrBusy = errors.New("storage is busy: nothing was written")
)

// Row is one result row; columns count from 0. NULL reads as the zero value and IsNull. A Row and what it gives are
// valid after the call that got them, with one exception: the Row itself only until row returns.
type Row interface {
	Int(col int) int64
	Bool(col int) bool
	Text(col int) string
	Bytes(col int) []byte // a copy; nil for NULL
	ID(col int) id.ID
	Time(col int) time.Time // from microseconds, UTC
	IsNull(col int) bool
}

// Conn is an engine's open transaction as the shared queries see it. Parameters are $1...$n in order of first use;
// an engine refuses a text in which they are not. Values are nil, the integer types, bool (0/1), string, []byte, id.ID,
// time.Time (microseconds since 1970), types whose underlying type is an integer, a bool or a string, and pointers to
// these. A nil pointer, a nil []byte, a zero time.Time and a zero id.ID are NULL.
type Conn interface {
	// Exec runs a statement and returns how many rows it changed.
	Exec(sql string, args ...any) (int64, error)
	// Query calls row for each result row. row may run other statements.
	Query(sql string, row func(Row) error, args ...any) error
	// ForUpdate is appended to a SELECT that decides: " FOR UPDATE" where rows are locked, "" under one writer.
	ForUpdate() string
}

// Engine is a database that keeps a Paywatt. SQLite has the one of this version.
type Engine interface {
	// Run is Do without the type: fn runs in a transaction that is durable when Run returns nil. When fn says refused
	// its writes are undone and Run returns nil. A context that ends while fn still waits for its turn ends the wait
	// and nothing happened; once fn has its turn, Run waits for the outcome.
	Run(ctx context.Context, t access.Tenant, lane Lane, fn func(*Tx) (refused bool, err error)) error
	// View runs fn on a consistent snapshot for reading only.
	View(ctx context.Context, t access.Tenant, fn func(*Tx) error) error
	// Ingest queues what one message of a meter brought and returns at once; the engine merges all that waits into one
	// transaction. recs belong to the engine until done is called. done is called exactly once, after the commit, on a goroutine of the engine: outcomes in the order
	// of recs, and an error when at least one of them is Failed. Messages of one meter are answered in the order of
	// the calls. An error of Ingest itself ([ErrBusy], [ErrReadOnly], [ErrFull], [ErrClosed]) means that nothing was
	// queued and done will not be called.
	Ingest(recs []metering.Record, done func([]metering.Outcome, error)) error
	// Health is nil while the node may serve: it takes writes and no invariant was found broken. Else it says why not.
	Health() error
	// Close finishes what has been queued, then releases the database. Nothing is taken any more.
	Close() error
}

// Do runs fn in a transaction of the tenant; see the package comment for the three outcomes. A result that has a
// method Refused() bool and says true undoes what fn wrote and is returned with a nil error.
func Do[T any](ctx context.Context, e Engine, t access.Tenant, lane Lane, fn func(*Tx) (T, error)) (T, error) {
	var out T
	err := e.Run(ctx, t, lane, func(tx *Tx) (bool, error) {
		v, err := fn(tx)
		if err != nil {
			return false, err
		}
		out = v
		if r, ok := any(v).(interface{ Refused() bool }); ok {
			return r.Refused(), nil
		}
		return false, nil
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return out, nil
}

// View runs fn on a consistent snapshot for reading only and returns its value.
func View[T any](ctx context.Context, e Engine, t access.Tenant, fn func(*Tx) (T, error)) (T, error) {
	var out T
	err := e.View(ctx, t, func(tx *Tx) (err error) { out, err = fn(tx); return err })
	return out, err
}
