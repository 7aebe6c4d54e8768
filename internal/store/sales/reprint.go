package sales

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// AddOriginal notes that the first paper of a sale is handed out. It reports false if a paper of the sale, original or copy, was handed out before.
func (tx Rows) AddOriginal(sale id.ID, by string) (bool, error) {
	n, err := tx.C.Exec(`INSERT INTO reprint (tenant_id, vend_id, n, by_actor, created_at) SELECT $1, $2, 0, $3, $4
		WHERE NOT EXISTS (SELECT 1 FROM reprint WHERE tenant_id = $1 AND vend_id = $2) ON CONFLICT DO NOTHING`, tx.Tenant, sale, by, tx.Now)
	return n == 1, fault.Wrap(err, "note the first paper")
}

// AddCopy counts a copy of a sale's receipt and returns its number, from 1. The caller has locked the sale.
func (tx Rows) AddCopy(sale id.ID, by string) (int, error) {
	n, err := tx.Number(`SELECT MAX(n) FROM reprint WHERE tenant_id = $1 AND vend_id = $2`, tx.Tenant, sale)
	if err == nil {
		_, err = tx.C.Exec(`INSERT INTO reprint (tenant_id, vend_id, n, by_actor, created_at) VALUES ($1, $2, $3, $4, $5)`,
			tx.Tenant, sale, n+1, by, tx.Now)
	}
	return int(n) + 1, fault.Wrap(err, "count a copy")
}

// Copies returns how many copies of a sale's receipt were counted.
func (tx Rows) Copies(sale id.ID) (int, error) {
	n, err := tx.Number(`SELECT MAX(n) FROM reprint WHERE tenant_id = $1 AND vend_id = $2`, tx.Tenant, sale)
	return int(n), fault.Wrap(err, "count copies")
}

// OnceLook returns the stored answer to a request by its idempotency key; nil if there is none. It does not claim the key.
func (tx Rows) OnceLook(principal, key string) (*access.StoredAnswer, error) {
	var a core.Answer
	found, err := tx.One(core.OnceQuery+` AND (expires_at IS NULL OR expires_at > $4)`, core.OnceColumns.To(&a), tx.Tenant, principal, key, tx.Now)
	if err != nil {
		return nil, fmt.Errorf("look for an idempotency key: %w", err)
	}
	if !found {
		return nil, nil
	}
	return &a.StoredAnswer, nil
}
