package meters

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/wire"
)

// readingChunk is how many readings one statement writes: enough that its own cost vanishes, few enough that its text
// stays small.
const readingChunk = 32

// readingColumns are the written columns of reading, in order.
const readingColumns = `tenant_id, meter, store, seq, at, up, clock, received_at, register_wh, balance_wh, ec_used_wh, overrun_wh,
	w, mv, relay, reasons`

// readingWidth is the number of readingColumns.
const readingWidth = 16

// PutReadings writes readings that are new: full chunks with one statement each, the rest with another.
func (tx Rows) PutReadings(readings []metering.NewReading) error {
	args := make([]any, 0, readingWidth*min(len(readings), readingChunk))
	for len(readings) > 0 {
		rows := 1
		if len(readings) >= readingChunk {
			rows = readingChunk
		}
		args = args[:0]
		for _, n := range readings[:rows] {
			p := n.Record.Rec.Reading
			args = append(args, tx.Tenant, n.Record.Meter, n.Store, int64(p.Seq), time.Unix(p.At, 0), int64(p.Up), string(p.Clock), n.Record.ReceivedAt,
				p.RegisterWh, p.BalanceWh, p.ECUsedWh, p.OverrunWh, p.W, p.MV, p.Relay, metering.JoinReasons(p.Reasons))
		}
		if _, err := tx.C.Exec(insertReadings(rows), args...); err != nil {
			return fmt.Errorf("write readings: %w", err)
		}
		readings = readings[rows:]
	}
	return nil
}

// insertReadings is the statement that inserts so many readings.
func insertReadings(rows int) string {
	var s strings.Builder
	s.WriteString(`INSERT INTO reading (` + readingColumns + `) VALUES `)
	for i := range rows {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteString(`(` + core.Placeholders(1+i*readingWidth, readingWidth) + `)`)
	}
	return s.String()
}

// HeldReading finds the reading with the highest number in [from, to] among the newest rows of a meter.
func (tx Rows) HeldReading(meter int64, store string, from, to uint64) (*wire.Reading, time.Time, error) {
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

// HeldChanges finds the accepted tokens and the events with numbers in [from, to], a window at most.
func (tx Rows) HeldChanges(meter int64, store string, from, to uint64) (out []wire.Record, err error) {
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

// PutEvent keeps an event, a daily row or a command's answer; body becomes its arguments.
func (tx Rows) PutEvent(r *metering.Record, store string, code int, body any) error {
	args, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write arguments of a record: %w", err)
	}
	if string(args) == "null" {
		args = nil
	}
	h := r.Rec.Head
	_, err = tx.C.Exec(`INSERT INTO meter_event (tenant_id, meter, store, seq, kind, code, at, clock, received_at, args)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		tx.Tenant, r.Meter, store, int64(h.Seq), string(r.Rec.Kind), code, time.Unix(h.At, 0), string(h.Clock), r.ReceivedAt, string(args))
	if err != nil {
		return fmt.Errorf("write %s: %w", r.Rec.Kind, err)
	}
	return nil
}
