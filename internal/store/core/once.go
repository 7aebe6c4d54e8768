package core

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
)

// OnceLife is the time for which the answer of a request that moved no money is stored (docs/reference/http.md#repetition).
const OnceLife = 7 * 24 * time.Hour

// FirstRefusal is the lowest status of an answer to a request that changed nothing.
const FirstRefusal = 400

// OnceTake claims the identity of a request. It returns nil if the request is new; the request then counts as running. Otherwise OnceTake
// returns the hash of the first request and its answer. The answer has Status 0 while the first request still runs.
//
// OnceTake reads an existing row without a lock, to avoid a deadlock. After OnceTake, a repeated request waits for its account. If it
// held a lock on this row, it would block the first request, which holds the account and must store its answer in the row.
func (tx *Tx) OnceTake(o access.Once) (*access.StoredAnswer, error) {
	n, err := tx.C.Exec(`INSERT INTO idempotency (tenant_id, principal, key, req_hash, state, created_at, expires_at)
		VALUES ($1, $2, $3, $4, 'running', $5, $6) ON CONFLICT (tenant_id, principal, key) DO NOTHING`,
		tx.Tenant, o.Principal, o.Key, o.Hash[:], tx.Now, tx.Now.Add(OnceLife))
	if err != nil {
		return nil, fmt.Errorf("take idempotency key: %w", err)
	}
	if n == 1 {
		return nil, nil
	}
	k, until, found, err := tx.onceRow(o)
	if err != nil || !found {
		return nil, fmt.Errorf("read idempotency key (found: %t): %w", found, err)
	}
	if k.Status == 0 || until.IsZero() || !until.Before(tx.Now) {
		return &k, nil
	}
	// The answer has expired, so the first request that takes the key may use it again.
	n, err = tx.C.Exec(`UPDATE idempotency SET req_hash = $1, state = 'running', status = 0, body_enc = NULL, created_at = $2, expires_at = $3
		WHERE tenant_id = $4 AND principal = $5 AND key = $6 AND state = 'done' AND expires_at < $2`,
		o.Hash[:], tx.Now, tx.Now.Add(OnceLife), tx.Tenant, o.Principal, o.Key)
	if err != nil {
		return nil, fmt.Errorf("take an old idempotency key: %w", err)
	}
	if n == 1 {
		return nil, nil
	}
	if k, _, found, err = tx.onceRow(o); err != nil || !found {
		return nil, fmt.Errorf("read idempotency key (found: %t): %w", found, err)
	}
	return &k, nil
}

// OnceLeased is the time after which a claim ends if its server dies before it ends the claim.
const OnceLeased = 2 * time.Minute

// OnceLease claims the identity of a request that moves no money. The answer of such a request is stored in a separate transaction. The
// claim counts for all servers of the database, and ends with the answer, with OnceDrop, or after OnceLeased. The results are those of
// OnceTake.
func (tx *Tx) OnceLease(o access.Once) (*access.StoredAnswer, error) {
	n, err := tx.C.Exec(`INSERT INTO idempotency (tenant_id, principal, key, req_hash, state, created_at, expires_at)
		VALUES ($1, $2, $3, $4, 'running', $5, $6)
		ON CONFLICT (tenant_id, principal, key) DO UPDATE
		SET req_hash = excluded.req_hash, state = 'running', status = 0, body_enc = NULL,
		    created_at = excluded.created_at, expires_at = excluded.expires_at
		WHERE idempotency.expires_at < excluded.created_at AND (idempotency.state = 'done' OR idempotency.req_hash = excluded.req_hash)`,
		tx.Tenant, o.Principal, o.Key, o.Hash[:], tx.Now, tx.Now.Add(OnceLeased))
	if err != nil {
		return nil, fmt.Errorf("claim idempotency key: %w", err)
	}
	if n == 1 {
		return nil, nil
	}
	k, _, found, err := tx.onceRow(o)
	if err != nil || !found {
		return nil, fmt.Errorf("read idempotency key (found: %t): %w", found, err)
	}
	return &k, nil
}

// OnceFind does the work of OnceTake for a transaction that stores the answer itself. With one writer no other transaction can run
// meanwhile, so OnceFind makes no claim and OncePut writes the row once. With several writers it makes a claim, and a second transaction
// waits.
func (tx *Tx) OnceFind(o access.Once) (*access.StoredAnswer, error) {
	if tx.C.ForUpdate() != "" && tx.together == nil {
		return tx.OnceTake(o)
	}
	k, until, found, err := tx.onceRow(o)
	if err != nil || !found || k.Status != 0 && !until.IsZero() && until.Before(tx.Now) {
		return nil, err
	}
	return &k, nil
}

// OnceClaim claims a request that OnceFind found to be new, if the request takes more than one transaction.
func (tx *Tx) OnceClaim(o access.Once) error {
	_, err := tx.OnceTake(o)
	return err
}

func (tx *Tx) onceRow(o access.Once) (k access.StoredAnswer, until time.Time, found bool, err error) {
	var a Answer
	found, err = tx.One(OnceQuery, OnceColumns.To(&a), tx.Tenant, o.Principal, o.Key)
	return a.StoredAnswer, a.Until, found, fault.Wrap(err, "read idempotency key")
}

// Answer is a stored answer, with the time when it expires; zero means never.
type Answer struct {
	access.StoredAnswer
	Until time.Time
}

// OnceColumns are the columns of the table idempotency. The statements that write the table name its columns
// themselves.
var OnceColumns = Columns[Answer]{Table: "idempotency", Unattested: []Column[Answer]{ // audit rows attest the answers that moved money
	{Name: "req_hash", Form: 'b', Read: func(a *Answer, r Row, col int) error { copy(a.Hash[:], r.Bytes(col)); return nil }},
	Int("status", func(a *Answer) *int { return &a.Status }),
	Bytes("body_enc", func(a *Answer) *[]byte { return &a.Body }),
	Time("expires_at", func(a *Answer) *time.Time { return &a.Until }),
	{Name: "principal", Form: 't'}, {Name: "key", Form: 't'}, {Name: "state", Form: 't'}, {Name: "created_at", Form: 'i'},
}}

// OnceQuery reads the answer to a request by its principal and key.
var OnceQuery = `SELECT ` + OnceColumns.List("") + ` FROM idempotency WHERE tenant_id = $1 AND principal = $2 AND key = $3`

// OncePut stores the answer of a request that is new or claimed: status and sealed body, either forever (if money moved) or for OnceLife.
// It replaces an older answer only if that answer has expired.
func (tx *Tx) OncePut(o access.Once, status int, sealed []byte, forever bool) error {
	var until any
	if !forever {
		until = tx.Now.Add(OnceLife)
	}
	err := tx.Must(`INSERT INTO idempotency (tenant_id, principal, key, req_hash, state, status, body_enc, created_at, expires_at)
		VALUES ($1, $2, $3, $4, 'done', $5, $6, $7, $8)
		ON CONFLICT (tenant_id, principal, key) DO UPDATE
		SET req_hash = excluded.req_hash, state = 'done', status = excluded.status, body_enc = excluded.body_enc,
		    created_at = excluded.created_at, expires_at = excluded.expires_at
		WHERE idempotency.state = 'running' OR idempotency.expires_at < excluded.created_at`,
		tx.Tenant, o.Principal, o.Key, o.Hash[:], status, sealed, tx.Now, until)
	if err != nil {
		return fmt.Errorf("store the answer of an idempotency key: %w", err)
	}
	if forever && status < FirstRefusal {
		tx.evidence = append(tx.evidence, OnceEvidence(o, status, sealed))
	}
	return nil
}

// OnceDrop deletes a claim that has no answer to store, so that the same key may be used again. It does not delete a stored answer.
func (tx *Tx) OnceDrop(o access.Once) error {
	_, err := tx.C.Exec(`DELETE FROM idempotency
		WHERE tenant_id = $1 AND principal = $2 AND key = $3 AND state = 'running'`, tx.Tenant, o.Principal, o.Key)
	return fault.Wrap(err, "drop idempotency key")
}

// OnceSweep deletes at most max expired answers and returns their number.
func (tx *Tx) OnceSweep(max int) (int, error) {
	n, err := tx.C.Exec(`DELETE FROM idempotency WHERE tenant_id = $1 AND (principal, key) IN (
		SELECT principal, key FROM idempotency
		WHERE tenant_id = $1 AND state = 'done' AND expires_at < $2 LIMIT $3)`, tx.Tenant, tx.Now, max)
	return int(n), fault.Wrap(err, "sweep idempotency keys")
}
