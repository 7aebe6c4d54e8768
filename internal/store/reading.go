package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

// readingChunk is how many readings one statement writes: enough that its own cost vanishes, few enough that its text
// stays small.
const readingChunk = 32

// readingColumns are the written columns of reading, in order.
const readingColumns = `tenant_id, meter, store, seq, at, up, clock, received_at, register_wh, balance_wh, ec_used_wh, overrun_wh,
	w, mv, relay, reasons`

const readingWidth = 16

// heldRows is how far back a reading can lie that arrived ahead of a gap: since then only numbers of its own window
// and of the window below it can have been stored.
const heldRows = 2 * wire.Window

// batch is one call of Ingest while it is being decided.
type batch struct {
	tx       *Tx
	live     map[int64]*metering.Live
	meters   []int64  // in order of first appearance
	readings []any    // arguments of the bulk insert, readingWidth per row
	ratings  *ratings // nil where no meter of the batch has a wallet
}

// Ingest decides about every record and writes what is new; outcomes stand in the order of the records. All records
// must belong to the transaction's tenant. An error means that nothing of the batch may be committed: the engine
// rolls back and tries again meter by meter, so one meter's trouble never holds up its neighbours.
func (tx *Tx) Ingest(recs []metering.Record) ([]metering.Outcome, error) {
	b, err := tx.newBatch(recs)
	if err != nil {
		return nil, err
	}
	out := make([]metering.Outcome, len(recs))
	for i := range recs {
		if out[i], err = b.take(&recs[i]); err != nil {
			return nil, fmt.Errorf("ingest record %d of meter %s: %w", recs[i].Rec.Head.Seq, recs[i].Number, err)
		}
	}
	if err := b.writeReadings(); err != nil {
		return nil, err
	}
	for _, m := range b.meters {
		if err := b.settle(m); err != nil {
			return nil, err
		}
	}
	return out, b.ratings.settle(tx.Now)
}

func (tx *Tx) newBatch(recs []metering.Record) (*batch, error) {
	b := &batch{tx: tx}
	seen := make(map[int64]struct{}, 16)
	for i := range recs {
		if recs[i].Tenant != tx.Tenant {
			return nil, fmt.Errorf("ingest: meter %s belongs to tenant %d, not %d", recs[i].Number, recs[i].Tenant, tx.Tenant)
		}
		if _, ok := seen[recs[i].Meter]; !ok {
			seen[recs[i].Meter] = struct{}{}
			b.meters = append(b.meters, recs[i].Meter)
		}
	}
	var err error
	if b.live, err = tx.lockLive(b.meters); err != nil {
		return nil, err
	}
	b.ratings, err = tx.newRatings(b.live, b.meters)
	return b, err
}

// take decides about one record and writes all of it but readings, which are gathered.
func (b *batch) take(r *metering.Record) (metering.Outcome, error) {
	l, tx := b.live[r.Meter], b.tx
	if r.Bad == nil && r.Rec.Kind == wire.KindBoot && l.Info == nil {
		info, err := tx.loadInfo(r.Meter)
		if err != nil {
			return metering.Outcome{}, err
		}
		l.Info = info
	}
	if l.Rated && r.Bad == nil && r.Rec.Kind == wire.KindBoot && r.Rec.Boot.Store != l.Store {
		if err := b.writeReadings(); err != nil { // what the old memory sent in this batch is rated before it is left
			return metering.Outcome{}, err
		}
		if err := b.ratings.rate(r.Meter, l); err != nil {
			return metering.Outcome{}, err
		}
	}
	r.MaxW = b.ratings.mostOf(r.Meter)
	d := l.Take(r, tx.Epoch)
	if d.Kind == metering.Quarantined {
		b.ratings.doubted(r, d.Doubt)
		kept, err := tx.quarantine(r, l, d)
		if err != nil {
			return metering.Outcome{}, err
		}
		if kept && d.Alarm != nil { // of many the newest is told; one that was not kept is counted in an alarm of its own
			if err := tx.TellAlarm(r.Meter, *d.Alarm); err != nil {
				return metering.Outcome{}, err
			}
		}
		return d.Outcome, nil
	}
	if d.Alarm != nil {
		if err := tx.RaiseAlarm(r.Meter, *d.Alarm); err != nil {
			return metering.Outcome{}, err
		}
	}
	if d.Clear != "" {
		if err := tx.ClearAlarm(r.Meter, d.Clear); err != nil {
			return metering.Outcome{}, err
		}
	}
	var err error
	if d.Kind == metering.Stored {
		err = b.store(r, l)
	}
	return d.Outcome, err
}

// store writes a fresh record to the table of its kind.
func (b *batch) store(r *metering.Record, l *metering.Live) error {
	tx := b.tx
	switch {
	case r.Rec.Reading != nil:
		b.gather(r, l.Store)
		b.ratings.take(r, l)
		return nil
	case r.Rec.Token != nil:
		return tx.takeToken(r, l.Store)
	case r.Rec.Command != nil:
		b.ratings.touch(r.Meter)
		return tx.takeAnswer(r, l.Store)
	case r.Rec.Event != nil:
		return tx.putEvent(r, l.Store, r.Rec.Event.Code, r.Rec.Event.Args)
	case r.Rec.Close != nil:
		return tx.putEvent(r, l.Store, 0, r.Rec.Close)
	}
	b.ratings.touch(r.Meter)
	return nil // boot lives in the meter's row
}

// gather adds a reading to the bulk insert.
func (b *batch) gather(r *metering.Record, store string) {
	p := r.Rec.Reading
	b.readings = append(b.readings, b.tx.Tenant, r.Meter, store, int64(p.Seq), time.Unix(p.At, 0), int64(p.Up), string(p.Clock), r.ReceivedAt,
		p.RegisterWh, p.BalanceWh, p.ECUsedWh, p.OverrunWh, p.W, p.MV, p.Relay, metering.JoinReasons(p.Reasons))
}

// writeReadings writes what was gathered: full chunks with one statement each, the rest with another.
func (b *batch) writeReadings() error {
	const full = readingChunk * readingWidth
	for len(b.readings) > 0 {
		rows := 1
		if len(b.readings) >= full {
			rows = readingChunk
		}
		if _, err := b.tx.C.Exec(insertReadings(rows), b.readings[:rows*readingWidth]...); err != nil {
			return fmt.Errorf("write readings: %w", err)
		}
		b.readings = b.readings[rows*readingWidth:]
	}
	return nil
}

func insertReadings(rows int) string {
	var s strings.Builder
	s.WriteString(`INSERT INTO reading (` + readingColumns + `) VALUES `)
	for i := range rows {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteString(`(` + placeholders(1+i*readingWidth, readingWidth) + `)`)
	}
	return s.String()
}

// settle brings a meter's figures up to its watermark and saves its row.
func (b *batch) settle(meter int64) error {
	l := b.live[meter]
	if err := b.ratings.rate(meter, l); err != nil {
		return err
	}
	var held *wire.Reading
	var heldAt time.Time
	if from, to, ok := l.Held(); ok {
		var err error
		if held, heldAt, err = b.tx.heldReading(meter, l.Store, from, to); err != nil {
			return err
		}
		changes, err := b.tx.heldChanges(meter, l.Store, from, to)
		if err != nil {
			return err
		}
		l.Recall(changes)
	}
	l.Settle(held, heldAt, b.tx.Now)
	return b.tx.saveLive(meter, l)
}

// heldReading finds the reading with the highest number in [from, to] among the newest rows of a meter.
func (tx *Tx) heldReading(meter int64, store string, from, to uint64) (*wire.Reading, time.Time, error) {
	var p *wire.Reading
	var at time.Time
	_, err := tx.one(`SELECT seq, at, register_wh, balance_wh, ec_used_wh, overrun_wh, w, mv, relay, reasons, received_at FROM (
		SELECT * FROM reading WHERE tenant_id = $1 AND meter = $2 ORDER BY id DESC LIMIT $3) newest
		WHERE store = $4 AND seq BETWEEN $5 AND $6 ORDER BY seq DESC LIMIT 1`, func(r Row) error {
		p = &wire.Reading{Head: wire.Head{Seq: uint64(r.Int(0)), At: r.Time(1).Unix()}, RegisterWh: r.Int(2), BalanceWh: r.Int(3),
			ECUsedWh: r.Int(4), OverrunWh: r.Int(5), W: r.Int(6), MV: r.Int(7), Relay: r.Text(8), Reasons: metering.SplitReasons(r.Text(9))}
		at = r.Time(10)
		return nil
	}, tx.Tenant, meter, heldRows, store, int64(from), int64(to))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for a held reading of meter %d: %w", meter, err)
	}
	return p, at, nil
}

// heldChanges finds the accepted tokens and the events with numbers in [from, to], a window at most.
func (tx *Tx) heldChanges(meter int64, store string, from, to uint64) (out []wire.Record, err error) {
	err = tx.C.Query(`SELECT seq, result, balance_wh FROM token_report WHERE tenant_id = $1 AND meter = $2 AND store = $3
		AND seq BETWEEN $4 AND $5`, func(r Row) error {
		out = append(out, wire.Token{Head: wire.Head{Seq: uint64(r.Int(0))}, Result: r.Text(1), BalanceWh: r.Int(2)}.Record())
		return nil
	}, tx.Tenant, meter, store, int64(from), int64(to))
	if err == nil {
		err = tx.C.Query(`SELECT seq, code FROM meter_event WHERE tenant_id = $1 AND meter = $2 AND store = $3
			AND seq BETWEEN $4 AND $5 AND kind = $6`, func(r Row) error {
			out = append(out, wire.Event{Head: wire.Head{Seq: uint64(r.Int(0))}, Code: int(r.Int(1))}.Record())
			return nil
		}, tx.Tenant, meter, store, int64(from), int64(to), string(wire.KindEvent))
	}
	if err != nil {
		return nil, fmt.Errorf("look for held changes of meter %d: %w", meter, err)
	}
	return out, nil
}

// putEvent keeps an event, a daily row or a command's answer; body becomes its arguments.
func (tx *Tx) putEvent(r *metering.Record, store string, code int, body any) error {
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
