package meters

import (
	"fmt"
	"maps"
	"slices"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
)

// LiveChunk is how many meters one statement loads. A batch has few meters or thousands; the text stays the same.
const LiveChunk = 50

// liveColumns are the columns of meter_live in the order in which scanLive reads them.
const liveColumns = `meter, store, watermark, bits, boot, last_seen, newest_at, reading_seq, as_of, received_at,
	register_wh, balance_wh, ec_used_wh, overrun_wh, w, mv, relay, reasons, tamper, rated`

// scanLive reads the columns of liveColumns.
func scanLive(r core.Row) (int64, *metering.Live) {
	l := &metering.Live{
		Store: r.Text(1), Window: metering.Window{Watermark: uint64(r.Int(2)), Bits: uint64(r.Int(3))},
		Boot: uint64(r.Int(4)), LastSeen: r.Time(5), NewestAt: r.Int(6),
		Figures: metering.Figures{
			ReadingSeq: uint64(r.Int(7)), AsOf: r.Int(8), ReceivedAt: r.Time(9),
			RegisterWh: r.Int(10), BalanceWh: r.Int(11), ECUsedWh: r.Int(12), OverrunWh: r.Int(13),
			W: r.Int(14), MV: r.Int(15), Relay: r.Text(16), Reasons: r.Text(17), Tamper: r.Bool(18),
		},
		Rated: r.Bool(19),
	}
	l.Load()
	return r.Int(0), l
}

// loadLive reads the rows of the named meters with few statements and locks them; a meter without a row has sent
// nothing yet and gets an empty one.
func (tx Rows) loadLive(meters []int64) (map[int64]*metering.Live, error) {
	out := make(map[int64]*metering.Live, len(meters))
	sql := `SELECT ` + liveColumns + ` FROM meter_live WHERE tenant_id = $1 AND meter IN (` +
		core.Placeholders(2, LiveChunk) + `) ORDER BY meter` + tx.C.ForUpdate()
	args := make([]any, 1+LiveChunk)
	args[0] = tx.Tenant
	for len(meters) > 0 {
		n := min(LiveChunk, len(meters))
		for i := range LiveChunk {
			args[1+i] = meters[min(i, n-1)] // a short chunk names its last meter again
		}
		err := tx.C.Query(sql, func(r core.Row) error {
			n, l := scanLive(r)
			out[n] = l
			return nil
		}, args...)
		if err != nil {
			return nil, fmt.Errorf("load receive windows: %w", err)
		}
		for _, m := range meters[:n] {
			if out[m] == nil {
				out[m] = &metering.Live{}
			}
		}
		meters = meters[n:]
	}
	return out, nil
}

// LockLive is loadLive for a decision. Where rows are locked it is done in the order of the meters, and a meter without
// a row gets one first: two servers that hear of it at the same moment must not both begin its window.
func (tx Rows) LockLive(meters []int64) (map[int64]*metering.Live, error) {
	if tx.C.ForUpdate() == "" {
		return tx.loadLive(meters)
	}
	meters = slices.Sorted(slices.Values(meters))
	all, err := tx.loadLive(meters)
	if err != nil {
		return nil, err
	}
	var fresh []int64
	for _, m := range meters {
		if l := all[m]; l.Store != "" || !l.LastSeen.IsZero() {
			continue
		}
		if _, err := tx.C.Exec(`INSERT INTO meter_live (tenant_id, meter) VALUES ($1, $2) ON CONFLICT DO NOTHING`, tx.Tenant, m); err != nil {
			return nil, fmt.Errorf("begin receive window of meter %d: %w", m, err)
		}
		fresh = append(fresh, m)
	}
	again, err := tx.loadLive(fresh)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, again)
	return all, nil
}

// Live is what a meter last said of itself; a meter that never spoke has an empty one.
func (tx Rows) Live(meter int64) (*metering.Live, error) {
	all, err := tx.loadLive([]int64{meter})
	if err != nil {
		return nil, err
	}
	return all[meter], nil
}

// LoadInfo reads the notes about a meter's last boot.
func (tx Rows) LoadInfo(meter int64) (*metering.Info, error) {
	text := ""
	_, err := tx.One(`SELECT info FROM meter_live WHERE tenant_id = $1 AND meter = $2`,
		func(r core.Row) error { text = r.Text(0); return nil }, tx.Tenant, meter)
	if err != nil {
		return nil, fmt.Errorf("load boot notes of meter %d: %w", meter, err)
	}
	i := metering.ParseInfo(text)
	return &i, nil
}

// SaveLive writes a meter's row; its notes only where a boot was taken.
func (tx Rows) SaveLive(meter int64, l *metering.Live) error {
	args := []any{tx.Tenant, meter, l.Store, int64(l.Window.Watermark), int64(l.Window.Bits), int64(l.Boot), l.LastSeen, l.NewestAt,
		int64(l.ReadingSeq), nil, l.ReceivedAt, nil, nil, nil, nil, nil, nil, l.Relay, l.Reasons, l.Tamper}
	if !l.ReceivedAt.IsZero() { // figures exist once a reading has come; until then the columns stay NULL
		copy(args[9:], []any{l.AsOf, l.ReceivedAt, l.RegisterWh, l.BalanceWh, l.ECUsedWh, l.OverrunWh, l.W, l.MV})
	}
	_, err := tx.C.Exec(`INSERT INTO meter_live (tenant_id, meter, store, watermark, bits, boot, last_seen, newest_at,
		reading_seq, as_of, received_at, register_wh, balance_wh, ec_used_wh, overrun_wh, w, mv, relay, reasons, tamper)
		VALUES (`+core.Placeholders(1, len(args))+`)
		ON CONFLICT (tenant_id, meter) DO UPDATE SET store = excluded.store, watermark = excluded.watermark,
		bits = excluded.bits, boot = excluded.boot, last_seen = excluded.last_seen, newest_at = excluded.newest_at,
		reading_seq = excluded.reading_seq, as_of = excluded.as_of, received_at = excluded.received_at,
		register_wh = excluded.register_wh, balance_wh = excluded.balance_wh, ec_used_wh = excluded.ec_used_wh,
		overrun_wh = excluded.overrun_wh, w = excluded.w, mv = excluded.mv, relay = excluded.relay,
		reasons = excluded.reasons, tamper = excluded.tamper`, args...)
	if err != nil {
		return fmt.Errorf("save receive window of meter %d: %w", meter, err)
	}
	if l.Info == nil {
		return nil
	}
	text, err := l.Info.Text()
	if err != nil {
		return err
	}
	if err := tx.Must(`UPDATE meter_live SET info = $1 WHERE tenant_id = $2 AND meter = $3`, text, tx.Tenant, meter); err != nil {
		return fmt.Errorf("save boot notes of meter %d: %w", meter, err)
	}
	return nil
}
