package meters

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
)

// liveRow is a row of meter_live.
type liveRow = metering.Live

var liveColumns = core.Columns[liveRow]{Table: "meter_live", Unattested: []core.Column[liveRow]{
	core.Text("store", func(l *liveRow) *string { return &l.Memory }),
	core.Int("watermark", func(l *liveRow) *uint64 { return &l.Window.Watermark }),
	core.Int("bits", func(l *liveRow) *uint64 { return &l.Window.Bits }),
	core.Int("boot", func(l *liveRow) *uint64 { return &l.Boot }),
	core.Time("last_seen", func(l *liveRow) *time.Time { return &l.LastSeen }),
	core.Int("newest_at", func(l *liveRow) *int64 { return &l.NewestAt }),
	core.Int("reading_seq", func(l *liveRow) *uint64 { return &l.ReadingSeq }),
	figure("as_of", func(l *liveRow) *int64 { return &l.AsOf }),
	core.Time("received_at", func(l *liveRow) *time.Time { return &l.ReceivedAt }),
	figure("register_wh", func(l *liveRow) *int64 { return &l.RegisterWh }),
	figure("balance_wh", func(l *liveRow) *int64 { return &l.BalanceWh }),
	figure("ec_used_wh", func(l *liveRow) *int64 { return &l.ECUsedWh }),
	figure("overrun_wh", func(l *liveRow) *int64 { return &l.OverrunWh }),
	figure("w", func(l *liveRow) *int64 { return &l.W }),
	figure("mv", func(l *liveRow) *int64 { return &l.MV }),
	core.Text("relay", func(l *liveRow) *string { return &l.Relay }),
	core.Text("reasons", func(l *liveRow) *string { return &l.Reasons }),
	core.Bool("tamper", func(l *liveRow) *bool { return &l.Tamper }),
	core.Bool("rated", func(l *liveRow) *bool { return &l.Rated }).ReadOnly(),
	{Name: "meter", Form: 'i'},
	{Name: "info", Form: 't'},
}}

// figure is the column of a value that comes with readings. It is NULL until the first reading.
func figure(name string, field func(*liveRow) *int64) core.Column[liveRow] {
	c := core.Int(name, field)
	c.Write = func(l *liveRow) any {
		if l.ReceivedAt.IsZero() {
			return nil
		}
		return *field(l)
	}
	return c
}

// Statements that load and write the rows of several meters.
var (
	liveQuery = `SELECT meter, ` + liveColumns.List("") + ` FROM meter_live WHERE tenant_id = $1 AND meter ` + core.InChunk + ` ORDER BY meter`
	liveList  = `SELECT meter, ` + liveColumns.List("") + ` FROM meter_live WHERE tenant_id = $1 AND meter = ANY($2) ORDER BY meter`
	liveSave  = `INSERT INTO ` + liveColumns.IntoRows(nil, "meter") + liveColumns.OrUpdate("meter")
)

// loadLive reads and locks the rows of meters. A meter without a row has not sent anything yet and gets an empty one.
func (tx Rows) loadLive(meters []int64) (map[int64]*metering.Live, error) {
	out := make(map[int64]*metering.Live, len(meters))
	read := func(r core.Row) error {
		l := &metering.Live{}
		out[r.Int(0)] = l
		_, err := liveColumns.Scan(r, 1, l)
		l.Load()
		return err
	}
	var err error
	if tx.C.Lists() {
		err = tx.C.Query(liveList+tx.C.ForUpdate(), read, tx.Tenant, core.Numbers(meters))
	} else {
		err = core.EachChunk(tx.Tx, meters, func(args []any) error { return tx.C.Query(liveQuery+tx.C.ForUpdate(), read, args...) })
	}
	if err != nil {
		return nil, fmt.Errorf("load receive windows: %w", err)
	}
	for _, m := range meters {
		if out[m] == nil {
			out[m] = &metering.Live{}
		}
	}
	return out, nil
}

// LockLive is loadLive for a decision. With row locks it locks in the order of the meters and first inserts missing rows, so that two
// servers that hear a new meter at the same moment cannot both begin the meter's window.
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
		if l := all[m]; l.Memory == "" && l.LastSeen.IsZero() {
			fresh = append(fresh, m)
		}
	}
	if len(fresh) == 0 {
		return all, nil
	}
	if _, err := tx.C.Exec(`INSERT INTO meter_live (tenant_id, meter) SELECT $1, * FROM unnest($2::bigint[]) listed ON CONFLICT DO NOTHING`,
		tx.Tenant, core.Numbers(fresh)); err != nil {
		return nil, fmt.Errorf("begin receive windows: %w", err)
	}
	again, err := tx.loadLive(fresh)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, again)
	return all, nil
}

// Live returns the last state that a meter reported; it returns an empty state for a meter that never sent anything.
func (tx Rows) Live(meter int64) (*metering.Live, error) {
	all, err := tx.loadLive([]int64{meter})
	return all[meter], err
}

// LoadInfo reads the stored facts about a meter's last boot.
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

// SaveLive writes the rows of meters. It writes the facts about a meter's boot only if its state has new ones.
func (tx Rows) SaveLive(meters []int64, live map[int64]*metering.Live) error {
	rows := core.RowsInto(liveSave, tx.Tenant)
	for _, m := range meters {
		if err := core.AddRow(tx.Tx, &rows, &liveColumns, live[m], m); err != nil {
			return fault.Wrap(err, "save receive windows")
		}
	}
	if err := rows.Insert(tx.Tx); err != nil {
		return fault.Wrap(err, "save receive windows")
	}
	for _, m := range meters {
		if live[m].Info == nil {
			continue
		}
		text, err := live[m].Info.Text()
		if err != nil {
			return err
		}
		if err := tx.Must(`UPDATE meter_live SET info = $1 WHERE tenant_id = $2 AND meter = $3`, text, tx.Tenant, m); err != nil {
			return fault.Wrap(err, "save boot notes of meter %d", m)
		}
	}
	return nil
}
