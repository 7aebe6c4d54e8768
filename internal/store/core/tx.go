// Package core holds the parts that all areas of the store share: one transaction over an engine's connection, the cache of its commit, the
// sealed log, the evidence of attested rows, the outbox and stored answers.
package core

import (
	"fmt"
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/sts"
)

// Tx is one transaction of one tenant. Its methods are the queries, one file for each noun. It is valid only inside the closure that
// received it, on that closure's goroutine.
type Tx struct {
	C      Conn
	Tenant access.Tenant
	Now    time.Time     // the engine's clock at the start of this attempt, UTC, in whole microseconds like the columns
	Rand   io.Reader     // for identities made inside the transaction
	Epoch  int64         // the store epoch: 1, and one more after every restore
	Apart  time.Duration // how far Now is ahead of the server's own clock; 0 if Now comes from that clock
	// Mark returns the keyed hash of a leaf, which shows that a server wrote the row; nil if the commit itself seals.
	Mark func(leaf [32]byte) []byte
	// Marker makes the marks of rows that let somebody sign in; see [Tx.Genuine].
	Marker Marker

	together *Together // what the closures of this transaction share; nil if there is only one
	member   Member    // the connection of one of several closures

	Before *Fresh // rows of earlier closures in the same commit; nil in a view, or if the engine seals later
	Fresh  Fresh  // rows of this closure

	kinds []*AttestedKind // kinds of rows with evidence

	ids  id.Series // for new identities if Before is nil; otherwise the writer has a series
	TIDs []UsedTID // last TIDs of the keys that this transaction has read or written

	Due Lanes // lanes of the outbox in which this closure made work due

	audit    []access.Entry // entries that Finish will write
	evidence []Evidence     // evidence of the rows that this closure wrote; it goes into the last audit row
}

// NewTx makes the transaction that an engine passes to a closure. The argument of type Fresh holds the rows that earlier closures of the
// same commit have added for the tenant. It is nil if another transaction seals journals and audit rows. The parameter kinds lists the
// tables whose rows have evidence.
func NewTx(c Conn, t access.Tenant, now time.Time, rnd io.Reader, epoch int64, before *Fresh, kinds []*AttestedKind) *Tx {
	return &Tx{kinds: kinds, C: c, Tenant: t, Now: access.Stored(now), Rand: rnd, Epoch: epoch, Before: before}
}

// Signed returns the mark of a leaf; nil (NULL) if the leaf needs no mark.
func (tx *Tx) Signed(leaf [32]byte) []byte {
	if tx.Mark == nil {
		return nil
	}
	return tx.Mark(leaf)
}

// Moment returns Now, the time by the engine's clock at which this attempt began.
func (tx *Tx) Moment() time.Time { return tx.Now }

// Scope returns the tenant of the transaction and the store epoch.
func (tx *Tx) Scope() (access.Tenant, int64) { return tx.Tenant, tx.Epoch }

// NewID makes an identity for this moment. Identities of one transaction sort in the order in which they were made. If the engine has only
// one writer, this is true for the identities of all its transactions.
func (tx *Tx) NewID() (id.ID, error) {
	ids := &tx.ids
	switch {
	case tx.Before != nil:
		ids = &tx.Before.sealer.memory.ids
	case tx.together != nil:
		ids = &tx.together.ids
	}
	i, err := ids.New(tx.Now, tx.Rand)
	return i, fault.Wrap(err, "make an identity")
}

// SkipLocked returns the clause to append to a SELECT that claims work, so that it skips rows that another transaction is claiming.
func (tx *Tx) SkipLocked() string {
	if tx.C.ForUpdate() == "" {
		return ""
	}
	return tx.C.ForUpdate() + " SKIP LOCKED"
}

// LockOf returns the clause to append to a SELECT over several tables, so that it locks only rows of the table with this alias.
func (tx *Tx) LockOf(alias string) string {
	if tx.C.ForUpdate() == "" {
		return ""
	}
	return tx.C.ForUpdate() + " OF " + alias
}

// One runs a query for at most one row and reports whether there was one. A second row is an error.
func (tx *Tx) One(sql string, row func(Row) error, args ...any) (bool, error) {
	found := false
	err := tx.Few(sql, func(r Row) error {
		if found {
			return errTwice
		}
		found = true
		return row(r)
	}, args...)
	return found, err
}

// Few runs a query for few rows: without a cursor, even where other queries read through one.
func (tx *Tx) Few(sql string, row func(Row) error, args ...any) error {
	if c, ok := tx.C.(RowConn); ok {
		return c.QueryRows(sql, row, args...)
	}
	return tx.C.Query(sql, row, args...)
}

// Number runs a query for a single integer; it returns 0 if there is no row or the value is NULL.
func (tx *Tx) Number(sql string, args ...any) (int64, error) {
	var n int64
	_, err := tx.One(sql, func(r Row) error { n = r.Int(0); return nil }, args...)
	return n, err
}

// Must runs a statement that has to change exactly one row; any other number of rows is a broken invariant.
func (tx *Tx) Must(sql string, args ...any) error {
	if tx.member != nil {
		return tx.member.InsertOne(sql, args)
	}
	n, err := tx.C.Exec(sql, args...)
	if err == nil && n != 1 {
		err = fmt.Errorf("%w: a statement changed %d rows instead of one", ErrInvariant, n)
	}
	return err
}

// UsedTID is the last TID of a key as this transaction has read or written it.
type UsedTID struct {
	Key  id.ID
	Last sts.TID
}
