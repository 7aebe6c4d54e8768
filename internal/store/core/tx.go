// Package core is what all areas of the store share: one transaction over an engine's connection, what its commit has
// learned, the sealed log, the evidence of attested rows, the outbox and requests that were made before.
package core

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/sts"
)

// Tx is one transaction of one tenant. Its methods are the queries, a file per noun. It is valid only inside the
// closure it was handed to, on that closure's goroutine.
type Tx struct {
	C      Conn
	Tenant access.Tenant
	Now    time.Time     // the engine's clock at the start of this attempt, UTC, whole microseconds as columns keep them
	Rand   io.Reader     // for identities made inside the transaction
	Epoch  int64         // the store epoch: 1, and one more after every restore
	Apart  time.Duration // by how much Now differs from the server's own clock, where it is the database's
	// Mark gives the keyed hash of a leaf that shows the row to be a server's own, where another transaction seals it; nil
	// where the commit does.
	Mark func(leaf [32]byte) []byte

	Before *Fresh // of the neighbours in the same commit; nil where the engine seals after the commit, and in a view
	Fresh  Fresh  // of this closure

	kinds []*AttestedKind // of rows with evidence

	ids  id.Series // where no writer has one
	TIDs []UsedTID // last TIDs of keys

	Due Lanes // lanes of the outbox in which this closure made something due

	audit    []access.Entry // written by Finish
	evidence []Evidence     // of rows this closure wrote, for the last of them
}

// NewTx makes the transaction that an engine hands to a closure. before is what earlier closures of the same commit
// have added for the tenant, nil where journals and audit rows are sealed by another transaction. kinds are those of the rows
// that have evidence.
func NewTx(c Conn, t access.Tenant, now time.Time, rnd io.Reader, epoch int64, before *Fresh, kinds []*AttestedKind) *Tx {
	return &Tx{kinds: kinds, C: c, Tenant: t, Now: access.Stored(now), Rand: rnd, Epoch: epoch, Before: before}
}

// Signed returns the mark of a leaf; NULL where none is needed.
func (tx *Tx) Signed(leaf [32]byte) []byte {
	if tx.Mark == nil {
		return nil
	}
	return tx.Mark(leaf)
}

// Moment is Now: when this attempt began, by the clock that the engine goes by.
func (tx *Tx) Moment() time.Time { return tx.Now }

// Scope is the tenant of the transaction and the store epoch.
func (tx *Tx) Scope() (access.Tenant, int64) { return tx.Tenant, tx.Epoch }

// NewID makes an identity for this moment. Identities made in one transaction sort in the order in which they were made;
// where one writer makes them all, so do those of its transactions.
func (tx *Tx) NewID() (id.ID, error) {
	ids := &tx.ids
	if tx.Before != nil {
		ids = &tx.Before.sealer.memory.ids
	}
	i, err := ids.New(tx.Now, tx.Rand)
	return i, fault.Wrap(err, "make an identity")
}

// SkipLocked is appended to a SELECT that takes work which others may be taking as well.
func (tx *Tx) SkipLocked() string {
	if tx.C.ForUpdate() == "" {
		return ""
	}
	return tx.C.ForUpdate() + " SKIP LOCKED"
}

// LockOf is appended to a SELECT over several tables that decides on the one with this alias.
func (tx *Tx) LockOf(alias string) string {
	if tx.C.ForUpdate() == "" {
		return ""
	}
	return tx.C.ForUpdate() + " OF " + alias
}

// One runs a query for at most one row and reports whether there was one. The query must not be able to give more.
func (tx *Tx) One(sql string, row func(Row) error, args ...any) (bool, error) {
	found := false
	err := tx.C.Query(sql, func(r Row) error {
		if found {
			return errors.New("more than one row where one was expected")
		}
		found = true
		return row(r)
	}, args...)
	return found, err
}

// Number runs a query for a single integer, 0 where there is no row or NULL.
func (tx *Tx) Number(sql string, args ...any) (int64, error) {
	var n int64
	_, err := tx.One(sql, func(r Row) error { n = r.Int(0); return nil }, args...)
	return n, err
}

// Must runs a statement that has to change exactly one row; anything else is a broken invariant.
func (tx *Tx) Must(sql string, args ...any) error {
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
