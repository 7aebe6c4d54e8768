package storetest

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/store"
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
	rows, err := tx.AuditPage(report.AuditFilter{}, before, max)
	if err != nil {
		return nil, nil, err
	}
	var ids []id.ID
	var out []access.Entry
	for _, row := range rows {
		ids, out = append(ids, row.ID), append(out, row.Entry)
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
