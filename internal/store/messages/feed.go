package messages

import (
	"encoding/hex"
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/store/core"
)

// FeedEnd returns the position that the next sealed row will have.
func (tx Rows) FeedEnd() (int64, error) {
	return tx.Number(`SELECT COALESCE(MAX(pos) + 1, 0) FROM seal_leaf WHERE tenant_id = $1`, tx.Tenant)
}

// Feed lists sealed rows of the tenant's log from a position on, in the order of the log.
func (tx Rows) Feed(from int64, max int) ([]report.FeedEvent, error) {
	var out []report.FeedEvent
	err := tx.C.Query(`SELECT l.pos, l.kind, j.kind, j.ref, j.posted_at, a.action, a.object, a.at FROM seal_leaf l
		LEFT JOIN journal j ON l.kind = 'journal' AND j.tenant_id = l.tenant_id AND j.id = l.id
		LEFT JOIN audit a ON l.kind = 'audit' AND a.tenant_id = l.tenant_id AND a.id = l.id
		WHERE l.tenant_id = $1 AND l.pos >= $2 ORDER BY l.pos LIMIT $3`, func(r core.Row) error {
		h := report.FeedEvent{Pos: r.Int(0), Audit: r.Text(1) == "audit"}
		if h.Audit {
			h.Type, h.Object, h.At = "audit."+r.Text(5), r.Text(6), r.Time(7)
		} else {
			h.Type, h.Object, h.At = report.TypeOfJournal(ledger.Kind(r.Text(2))), r.Text(3), r.Time(4)
			h.Sale, _ = id.Parse(id.Vend, h.Object) // any other object is not a sale
		}
		out = append(out, h)
		return nil
	}, tx.Tenant, from, max)
	if err != nil {
		return nil, fmt.Errorf("read the feed from %d: %w", from, err)
	}
	for i := range out {
		if out[i].Sale.IsZero() {
			continue
		}
		if err := tx.feedSale(&out[i]); err != nil {
			return nil, fmt.Errorf("read the feed from %d: %w", from, err)
		}
	}
	return out, nil
}

// feedSale adds the vendor, the client reference and the meter of a sale.
func (tx Rows) feedSale(h *report.FeedEvent) error {
	_, err := tx.One(`SELECT v.vendor_key, v.client_ref, m.number FROM vend v JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter
		WHERE v.tenant_id = $1 AND v.id = $2`, func(r core.Row) error {
		h.ClientRef, h.Meter = r.Text(1), r.Text(2)
		if key := r.Text(0); key != "" {
			raw, err := hex.DecodeString(key)
			if err != nil || len(raw) != len(h.Vendor) {
				return fmt.Errorf("sale %s has no readable vendor", h.Object)
			}
			copy(h.Vendor[:], raw)
		}
		return nil
	}, tx.Tenant, h.Sale)
	return err
}
