package meters

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/webhook"
	"github.com/paywatt/paywatt/wire"
)

// readingRow is a row of reading.
type readingRow = metering.StoredReading

var readingColumns = core.Columns[readingRow]{Table: "reading", Unattested: []core.Column[readingRow]{
	core.Int("id", func(p *readingRow) *int64 { return &p.Row }).ReadOnly(),
	core.Text("store", func(p *readingRow) *string { return &p.Memory }),
	core.Int("seq", func(p *readingRow) *uint64 { return &p.Seq }),
	core.Time("at", func(p *readingRow) *time.Time { return &p.At }),
	{Name: "up", Form: 'i', Read: func(p *readingRow, r core.Row, col int) error {
		p.Up = time.Duration(r.Int(col)) * time.Millisecond
		return nil
	}},
	core.Text("clock", func(p *readingRow) *string { return &p.Clock }),
	core.Time("received_at", func(p *readingRow) *time.Time { return &p.ReceivedAt }),
	core.Int("register_wh", func(p *readingRow) *int64 { return &p.RegisterWh }),
	core.Int("balance_wh", func(p *readingRow) *int64 { return &p.BalanceWh }),
	core.Int("ec_used_wh", func(p *readingRow) *int64 { return &p.ECUsedWh }),
	core.Int("overrun_wh", func(p *readingRow) *int64 { return &p.OverrunWh }),
	core.Int("w", func(p *readingRow) *int64 { return &p.W }),
	core.Int("mv", func(p *readingRow) *int64 { return &p.MV }),
	core.Text("relay", func(p *readingRow) *string { return &p.Relay }),
	{Name: "reasons", Form: 't', Write: func(p *readingRow) any { return metering.JoinReasons(p.Reasons) },
		Read: func(p *readingRow, r core.Row, col int) error {
			p.Reasons = metering.SplitReasons(r.Text(col))
			return nil
		}},
	{Name: "meter", Form: 'i'},
}}

var readingInsert = `INSERT INTO ` + readingColumns.IntoRows(nil, "meter", "up")

// PutReadings inserts new readings.
func (tx Rows) PutReadings(readings []metering.NewReading) error {
	rows := core.RowsInto(readingInsert, tx.Tenant)
	var row readingRow
	var err error
	for i := 0; i < len(readings) && err == nil; i++ {
		n := readings[i]
		p := n.Record.Rec.Reading
		row = readingRow{Memory: n.Memory, Seq: p.Seq, At: time.Unix(p.At, 0), Clock: string(p.Clock), ReceivedAt: n.Record.ReceivedAt,
			RegisterWh: p.RegisterWh, BalanceWh: p.BalanceWh, ECUsedWh: p.ECUsedWh, OverrunWh: p.OverrunWh,
			W: p.W, MV: p.MV, Relay: p.Relay, Reasons: p.Reasons}
		err = core.AddRow(tx.Tx, &rows, &readingColumns, &row, n.Record.Meter, int64(p.Up))
	}
	if err == nil {
		err = rows.Insert(tx.Tx)
	}
	return fault.Wrap(err, "write readings")
}

// StoredReading finds the reading with the highest number in [from, to] among a meter's newest [metering.HeldRows] rows.
func (tx Rows) StoredReading(meter int64, store string, from, to uint64) (*wire.Reading, time.Time, error) {
	var p *wire.Reading
	var at time.Time
	_, err := tx.One(`SELECT seq, at, register_wh, balance_wh, ec_used_wh, overrun_wh, w, mv, relay, reasons, received_at FROM (
		SELECT * FROM reading WHERE tenant_id = $1 AND meter = $2 ORDER BY id DESC LIMIT $3) newest
		WHERE store = $4 AND seq BETWEEN $5 AND $6 ORDER BY seq DESC LIMIT 1`, func(r core.Row) error {
		p = &wire.Reading{Head: wire.Head{Seq: uint64(r.Int(0)), At: r.Time(1).Unix()}, RegisterWh: r.Int(2), BalanceWh: r.Int(3),
			ECUsedWh: r.Int(4), OverrunWh: r.Int(5), W: r.Int(6), MV: r.Int(7), Relay: r.Text(8), Reasons: metering.SplitReasons(r.Text(9))}
		at = r.Time(10)
		return nil
	}, tx.Tenant, meter, metering.HeldRows, store, int64(from), int64(to))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for a held reading of meter %d: %w", meter, err)
	}
	return p, at, nil
}

// StoredChanges finds the token reports and the events with numbers in [from, to], which is at most one window.
func (tx Rows) StoredChanges(meter int64, store string, from, to uint64) (out []wire.Record, err error) {
	err = tx.C.Query(`SELECT seq, result, balance_wh FROM token_report WHERE tenant_id = $1 AND meter = $2 AND store = $3
		AND seq BETWEEN $4 AND $5`, func(r core.Row) error {
		out = append(out, wire.Token{Head: wire.Head{Seq: uint64(r.Int(0))}, Result: r.Text(1), BalanceWh: r.Int(2)}.Record())
		return nil
	}, tx.Tenant, meter, store, int64(from), int64(to))
	if err == nil {
		err = tx.C.Query(`SELECT seq, code FROM meter_event WHERE tenant_id = $1 AND meter = $2 AND store = $3
			AND seq BETWEEN $4 AND $5 AND kind = $6`, func(r core.Row) error {
			out = append(out, wire.Event{Head: wire.Head{Seq: uint64(r.Int(0))}, Code: int(r.Int(1))}.Record())
			return nil
		}, tx.Tenant, meter, store, int64(from), int64(to), string(wire.KindEvent))
	}
	if err != nil {
		return nil, fmt.Errorf("look for held changes of meter %d: %w", meter, err)
	}
	return out, nil
}

// eventRow is a row of meter_event.
type eventRow = metering.StoredEvent

var eventColumns = core.Columns[eventRow]{Table: "meter_event", Unattested: []core.Column[eventRow]{
	core.Text("store", func(e *eventRow) *string { return &e.Memory }),
	core.Int("seq", func(e *eventRow) *uint64 { return &e.Seq }),
	core.Text("kind", func(e *eventRow) *string { return &e.Kind }),
	core.Int("code", func(e *eventRow) *int { return &e.Code }),
	core.Time("at", func(e *eventRow) *time.Time { return &e.At }),
	core.Text("clock", func(e *eventRow) *string { return &e.Clock }),
	core.Time("received_at", func(e *eventRow) *time.Time { return &e.ReceivedAt }),
	{Name: "args", Form: 't', Write: func(e *eventRow) any { return string(e.Args) },
		Read: func(e *eventRow, r core.Row, col int) error {
			if args := r.Text(col); args != "" {
				e.Args = json.RawMessage(args)
			}
			return nil
		}},
	{Name: "meter", Form: 'i'},
}}

var eventInsert = `INSERT INTO ` + eventColumns.Into("meter") + ` ON CONFLICT DO NOTHING`

// PutEvent stores an event, a daily row or a command's answer. The parameter body becomes the event's arguments, as JSON.
func (tx Rows) PutEvent(r *metering.Record, store string, code int, body any) error {
	args, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write arguments of a record: %w", err)
	}
	if string(args) == "null" {
		args = nil
	}
	h := r.Rec.Head
	_, err = tx.C.Exec(eventInsert, eventColumns.Values(tx.Tenant, &eventRow{Memory: store, Seq: h.Seq, Kind: string(r.Rec.Kind), Code: code,
		At: time.Unix(h.At, 0), Clock: string(h.Clock), ReceivedAt: r.ReceivedAt, Args: args}, r.Meter)...)
	if err != nil {
		return fmt.Errorf("write %s: %w", r.Rec.Kind, err)
	}
	if e, is := webhook.OfRecord(r, code); is {
		return tx.Announce(e.Type, func() (webhook.Event, error) { return e, nil })
	}
	return nil
}
