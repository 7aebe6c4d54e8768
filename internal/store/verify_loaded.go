package store

import (
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sales"
)

// verifyLoaded checks tokens against the reports of their meters. A token that its meter accepted must be in the accepted state, and its
// sale must not have been reversed after the report.
func (tx *Tx) verifyLoaded(r *Report) error {
	return tx.C.Query(`SELECT t.id, t.state, v.id, MIN(p.received_at), m.number FROM token_report p
		JOIN token t ON t.tenant_id = p.tenant_id AND t.id = p.token_id AND t.meter = p.meter
		LEFT JOIN vend v ON v.tenant_id = t.tenant_id AND v.id = t.vend_id AND v.state = 'reversed'
		LEFT JOIN meter m ON m.tenant_id = p.tenant_id AND m.n = p.meter
		WHERE p.tenant_id = $1 AND `+sales.SaysLoaded("p", "p.token_id")+`
		AND (t.state IN ('issued', 'sent', 'heard', 'rejected') OR v.id IS NOT NULL)
		GROUP BY t.id, t.state, v.id, m.number`, func(w core.Row) error {
		name, said := w.ID(0).Text(id.Token), w.Time(3)
		if w.IsNull(2) {
			r.Find("token", "Token %s is %s, but meter %s reported at %s that it has the token. The token's row was changed outside the server. Do not reverse its sale.",
				name, w.Text(1), w.Text(4), said.Format(sales.Minute))
			return nil
		}
		sale := w.ID(2).Text(id.Vend)
		at, err := tx.ReversedAt(sale)
		if err == nil && said.Before(at.Add(-sales.ReportLag)) {
			r.Find("reversal", "Sale %s was reversed at %s, but meter %s had reported at %s that it has token %s. The customer has the units, and the money was returned.",
				sale, at.Format(sales.Minute), w.Text(4), said.Format(sales.Minute), name)
		}
		return err
	}, tx.Tenant)
}
