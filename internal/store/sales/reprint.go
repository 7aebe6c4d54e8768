package sales

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// AddOriginal notes that the first paper of a document is handed out: of a receipt, which has the identity of its sale, or of a credit note,
// which has that of the reversal. It reports false if a paper of it, original or copy, was handed out before. Of several that ask at the same
// moment, one gets the original.
func (tx Rows) AddOriginal(document id.ID, by string) (bool, error) {
	papers, err := tx.Number(`SELECT COUNT(*) FROM reprint WHERE tenant_id = $1 AND vend_id = $2`, tx.Tenant, document)
	if err != nil || papers > 0 {
		return false, fault.Wrap(err, "count the papers of a document")
	}
	return tx.addPaper(document, 0, by)
}

// RemoveOriginal takes back what AddOriginal noted, because the paper did not come out. It reports false if no original is noted.
func (tx Rows) RemoveOriginal(document id.ID) (bool, error) {
	removed, err := tx.C.Exec(`DELETE FROM reprint WHERE tenant_id = $1 AND vend_id = $2 AND n = 0`, tx.Tenant, document)
	return removed == 1, fault.Wrap(err, "take back the original of a document")
}

// AddCopy counts a copy of a sale's receipt and returns its number, from 1. The caller has locked the sale.
func (tx Rows) AddCopy(sale id.ID, by string) (int, error) {
	last, err := tx.Copies(sale)
	if err != nil {
		return 0, err
	}
	added, err := tx.addPaper(sale, last+1, by)
	if err == nil && !added {
		err = fmt.Errorf("copy %d of the receipt is counted already", last+1)
	}
	return last + 1, err
}

// addPaper notes a paper of a sale: 0 is the original, the others are copies. It reports false if that paper was noted before.
func (tx Rows) addPaper(sale id.ID, n int, by string) (bool, error) {
	added, err := tx.C.Exec(`INSERT INTO reprint (tenant_id, vend_id, n, by_actor, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		tx.Tenant, sale, n, by, tx.Now)
	return added == 1, fault.Wrap(err, "note paper %d of a sale", n)
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
