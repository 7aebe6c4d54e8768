package meters

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
)

// PutTokenReport keeps what a meter said of a token.
func (tx Rows) PutTokenReport(r *metering.Record, store string, own id.ID) error {
	t := r.Rec.Token
	_, err := tx.C.Exec(`INSERT INTO token_report (tenant_id, meter, store, seq, at, received_at, tid, base_date, class, subclass,
		result, source, request, units_wh, balance_wh, token_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING`,
		tx.Tenant, r.Meter, store, int64(t.Seq), time.Unix(t.At, 0), r.ReceivedAt, t.TID, t.BaseDate, t.Class, t.SubClass,
		t.Result, t.Source, t.Request, t.UnitsWh, t.BalanceWh, own)
	return fault.Wrap(err, "write token report")
}

// DropDelivery ends the delivery of a token or command that its meter has answered. Items are few per meter, so they
// are looked through in Go rather than by searching in JSON.
func (tx Rows) DropDelivery(key, object string) error {
	var done []id.ID
	err := tx.C.Query(`SELECT id, body FROM outbox WHERE tenant_id = $1 AND lane = $2 AND key = $3`, func(r core.Row) error {
		var b job.Body
		if err := json.Unmarshal([]byte(r.Text(1)), &b); err == nil && b.Names(object) {
			done = append(done, r.ID(0))
		}
		return nil
	}, tx.Tenant, job.LaneMQTT, key)
	if err != nil {
		return fmt.Errorf("look for the delivery of %s: %w", object, err)
	}
	for _, i := range done {
		if _, err := tx.OutboxDrop(job.LaneMQTT, i); err != nil {
			return err
		}
	}
	return nil
}
