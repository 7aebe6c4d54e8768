package storetest

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Do runs fn in a transaction of the tenant; see the package comment of the store for the three outcomes. If the result has a method
// Refused() bool that returns true, Do rolls back what fn wrote and returns the result with a nil error.
func Do[T any](ctx context.Context, e store.Engine, t access.Tenant, lane store.Lane, fn func(*store.Tx) (T, error)) (T, error) {
	var out T
	err := e.Run(ctx, t, lane, func(tx *store.Tx) (bool, error) {
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
func View[T any](ctx context.Context, e store.Engine, t access.Tenant, fn func(*store.Tx) (T, error)) (T, error) {
	var out T
	err := e.View(ctx, t, func(tx *store.Tx) (err error) { out, err = fn(tx); return err })
	return out, err
}

// AuditPage returns a page of the audit log, newest first, with the identities of its rows. The page begins with the first row that is
// older than the given row, or with the newest row if the given identity is zero.
func AuditPage(tx *store.Tx, before id.ID, max int) ([]id.ID, []access.Entry, error) {
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
	var ids []id.ID
	var out []access.Entry
	err := tx.C.Query(`SELECT id, at, actor, ip, action, object, before, after, reason, single_person FROM audit
		WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, func(r core.Row) error {
		ids = append(ids, r.ID(0))
		out = append(out, access.Entry{At: r.Time(1), Actor: r.Text(2), IP: r.Text(3), Action: r.Text(4), Object: r.Text(5),
			Before: r.Text(6), After: r.Text(7), Reason: r.Text(8), SinglePerson: r.Bool(9)})
		return nil
	}, tx.Tenant, before, max)
	if err != nil {
		return nil, nil, fmt.Errorf("read the audit log: %w", err)
	}
	return ids, out, nil
}

// NewTenant adds another tenant and returns its number. Other tenants cannot see its rows.
func NewTenant(tx *store.Tx, name string) (access.Tenant, error) {
	i, err := tx.NewID()
	if err != nil {
		return 0, err
	}
	n, err := tx.Number(`INSERT INTO tenant (id, uid, name, created_at)
		SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3 FROM tenant WHERE 1 = 1 RETURNING id`, i, name, tx.Now)
	if err != nil {
		return 0, fmt.Errorf("open tenant %q: %w", name, err)
	}
	return access.Tenant(n), nil
}
