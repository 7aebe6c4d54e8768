package store

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
)

// saysLoaded is the SQL condition that report p says that the meter has token p.token_id: the meter accepted it, or says that
// it is used and was never told to cancel it. The report overrides the token's own row.
const saysLoaded = `(p.result = 'accept' OR p.result = 'used_error' AND NOT EXISTS (SELECT 1 FROM reversal_token f
	WHERE f.tenant_id = p.tenant_id AND f.token_id = p.token_id))`

// loaded is the SQL condition that the meter says it has token t.
const loaded = `EXISTS (SELECT 1 FROM token_report p WHERE p.tenant_id = t.tenant_id AND p.meter = t.meter AND p.token_id = t.id AND ` + saysLoaded + `)`

// Loaded reports whether a meter says that it has a token of a sale, whatever the token's state.
func (tx *Tx) Loaded(sale id.ID) (bool, error) {
	n, err := tx.number(`SELECT COUNT(*) FROM token t WHERE t.tenant_id = $1 AND t.vend_id = $2 AND `+loaded, tx.Tenant, sale)
	if err != nil {
		return false, fmt.Errorf("look for what a meter says of a sale: %w", err)
	}
	return n > 0, nil
}

// reportLag is how long a report about a sale may still be on its way to the books when the sale is reversed.
const reportLag = time.Minute

// verifyLoaded checks tokens against what their meters said of them: a token that its meter accepted is accepted, and its sale
// was not reversed after that.
func (tx *Tx) verifyLoaded(r *Report) error {
	return tx.C.Query(`SELECT t.id, t.state, v.id, MIN(p.received_at), m.number FROM token_report p
		JOIN token t ON t.tenant_id = p.tenant_id AND t.id = p.token_id AND t.meter = p.meter
		LEFT JOIN vend v ON v.tenant_id = t.tenant_id AND v.id = t.vend_id AND v.state = 'reversed'
		LEFT JOIN meter m ON m.tenant_id = p.tenant_id AND m.n = p.meter
		WHERE p.tenant_id = $1 AND `+saysLoaded+`
		AND (t.state IN ('issued', 'sent', 'rejected') OR t.state = 'accepted' AND t.result = $2 OR v.id IS NOT NULL)
		GROUP BY t.id, t.state, v.id, m.number`, func(w Row) error {
		name, said := w.ID(0).Text(id.Token), w.Time(3)
		if w.IsNull(2) {
			r.Find("token", "Token %s is %s, but meter %s reported at %s that it has it: the token's row was changed behind the server's back. Do not reverse its sale.",
				name, w.Text(1), w.Text(4), said.Format(minute))
			return nil
		}
		sale := w.ID(2).Text(id.Vend)
		at, err := tx.reversedAt(sale)
		if err == nil && said.Before(at.Add(-reportLag)) {
			r.Find("reversal", "Sale %s was reversed at %s, but meter %s had reported at %s that it has token %s: the customer has the units, and the money was given back.",
				sale, at.Format(minute), w.Text(4), said.Format(minute), name)
		}
		return err
	}, tx.Tenant, metering.ResultHeard)
}

const minute = "2006-01-02 15:04"

// reversedAt is when the last reversal of a sale was begun, by the sealed log; zero where none was, and where the clock was set
// back since, so that later reports may bear an earlier time.
func (tx *Tx) reversedAt(sale string) (at time.Time, err error) {
	var n int64
	_, err = tx.one(`SELECT at, COALESCE(seal_n, 0) FROM audit WHERE tenant_id = $1 AND action = 'vend.reverse' AND object = $2 ORDER BY at DESC LIMIT 1`,
		func(w Row) error { at, n = w.Time(0), w.Int(1); return nil }, tx.Tenant, sale)
	if err != nil || at.IsZero() {
		return at, err
	}
	back, err := tx.number(`SELECT COUNT(*) FROM audit WHERE tenant_id = $1 AND (seal_n >= $2 OR seal_n IS NULL) AND at < $3`, tx.Tenant, n, at.Add(-reportLag))
	if back > 0 {
		return time.Time{}, err
	}
	return at, err
}
