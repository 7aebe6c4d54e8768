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

// reportRow is a row of the table token_report.
type reportRow = metering.StoredToken

var reportColumns = core.Columns[reportRow]{Table: "token_report", Unattested: []core.Column[reportRow]{
	core.Text("store", func(t *reportRow) *string { return &t.Memory }),
	core.Int("seq", func(t *reportRow) *uint64 { return &t.Seq }),
	core.Time("at", func(t *reportRow) *time.Time { return &t.At }),
	core.Time("received_at", func(t *reportRow) *time.Time { return &t.ReceivedAt }),
	orMinusOne("tid", func(t *reportRow) *int64 { return &t.TID }),
	core.Int("base_date", func(t *reportRow) *int { return &t.BaseDate }),
	orMinusOne("class", func(t *reportRow) *int { return &t.Class }),
	orMinusOne("subclass", func(t *reportRow) *int { return &t.SubClass }),
	core.Text("result", func(t *reportRow) *string { return &t.Result }),
	core.Text("source", func(t *reportRow) *string { return &t.Source }),
	core.Text("request", func(t *reportRow) *string { return &t.Request }),
	core.Int("units_wh", func(t *reportRow) *int64 { return &t.UnitsWh }),
	core.Int("balance_wh", func(t *reportRow) *int64 { return &t.BalanceWh }),
	core.ID("token_id", func(t *reportRow) *id.ID { return &t.Token }),
	{Name: "meter", Form: 'i'},
}}

// orMinusOne is a read-only column of a number; NULL reads as -1. The insert names the column and its value itself.
func orMinusOne[V ~int | ~int64](name string, field func(*reportRow) *V) core.Column[reportRow] {
	return core.Column[reportRow]{Name: name, Form: 'i', Read: func(t *reportRow, r core.Row, col int) error {
		if *field(t) = -1; !r.IsNull(col) {
			*field(t) = V(r.Int(col))
		}
		return nil
	}}
}

var reportInsert = `INSERT INTO ` + reportColumns.Into("meter", "tid", "class", "subclass") + ` ON CONFLICT DO NOTHING`

// PutTokenReport stores a meter's report about a token. The parameter own is the token's identity if the token is one of ours.
func (tx Rows) PutTokenReport(r *metering.Record, store string, own id.ID) error {
	t := r.Rec.Token
	row := reportRow{Memory: store, Seq: t.Seq, At: time.Unix(t.At, 0), ReceivedAt: r.ReceivedAt, BaseDate: t.BaseDate, Result: t.Result,
		Source: t.Source, Request: t.Request, UnitsWh: t.UnitsWh, BalanceWh: t.BalanceWh, Token: own}
	_, err := tx.C.Exec(reportInsert, reportColumns.Values(tx.Tenant, &row, r.Meter, t.TID, t.Class, t.SubClass)...)
	return fault.Wrap(err, "write token report")
}

// DropDelivery removes the outbox items that deliver a token or command. A meter has few items, so Go searches them instead of SQL on
// JSON.
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
