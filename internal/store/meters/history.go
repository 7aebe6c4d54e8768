package meters

import (
	"encoding/json"
	"math"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
)

// MeterNamed finds a meter by its number or, where that is empty, by its identity.
func (tx Rows) MeterNamed(number string, meter id.ID) (n int64, found bool, err error) {
	sql, arg := `SELECT n FROM meter WHERE tenant_id = $1 AND number = $2`, any(number)
	if number == "" {
		sql, arg = `SELECT n FROM meter WHERE tenant_id = $1 AND id = $2`, meter
	}
	found, err = tx.One(sql, func(r core.Row) error { n = r.Int(0); return nil }, tx.Tenant, arg)
	return n, found, fault.Wrap(err, "find meter")
}

// limits are a span and a cursor as the queries want them: closed bounds that leave nothing out where nothing is set.
func limits(s metering.Span, after metering.After) (from, to, hi, lo int64) {
	from, to, hi, lo = math.MinInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64
	if !s.From.IsZero() {
		from = s.From.UnixMicro()
	}
	if !s.To.IsZero() {
		to = s.To.UnixMicro()
	}
	if after != (metering.After{}) {
		hi, lo = int64(after.Hi), int64(after.Lo)
	}
	return from, to, hi, lo
}

// Readings is a page of a meter's readings in the order in which they were stored, newest first.
func (tx Rows) Readings(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredReading, error) {
	from, to, row, _ := limits(s, after)
	var out []metering.StoredReading
	err := tx.C.Query(`SELECT id, store, seq, at, up, clock, received_at, register_wh, balance_wh, ec_used_wh, overrun_wh,
		w, mv, relay, reasons FROM reading
		WHERE tenant_id = $1 AND meter = $2 AND id < $3 AND at >= $4 AND at < $5 ORDER BY id DESC LIMIT $6`, func(r core.Row) error {
		out = append(out, metering.StoredReading{Row: r.Int(0), Store: r.Text(1), Seq: uint64(r.Int(2)), At: r.Time(3),
			Up: time.Duration(r.Int(4)) * time.Millisecond, Clock: r.Text(5), ReceivedAt: r.Time(6),
			RegisterWh: r.Int(7), BalanceWh: r.Int(8), ECUsedWh: r.Int(9), OverrunWh: r.Int(10), W: r.Int(11), MV: r.Int(12),
			Relay: r.Text(13), Reasons: metering.SplitReasons(r.Text(14))})
		return nil
	}, tx.Tenant, meter, row, from, to, max)
	return out, fault.Wrap(err, "list readings")
}

// Events is a page of a meter's events, daily rows and command answers, newest first.
func (tx Rows) Events(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredEvent, error) {
	from, to, at, seq := limits(s, after)
	var out []metering.StoredEvent
	err := tx.C.Query(`SELECT store, seq, kind, code, at, clock, received_at, args FROM meter_event
		WHERE tenant_id = $1 AND meter = $2 AND (received_at < $3 OR received_at = $3 AND seq < $4) AND at >= $5 AND at < $6
		ORDER BY received_at DESC, seq DESC LIMIT $7`, func(r core.Row) error {
		e := metering.StoredEvent{Store: r.Text(0), Seq: uint64(r.Int(1)), Kind: r.Text(2), Code: int(r.Int(3)), At: r.Time(4),
			Clock: r.Text(5), ReceivedAt: r.Time(6)}
		if args := r.Text(7); args != "" {
			e.Args = json.RawMessage(args)
		}
		out = append(out, e)
		return nil
	}, tx.Tenant, meter, at, seq, from, to, max)
	return out, fault.Wrap(err, "list events")
}

// TokenReports is a page of what a meter said of tokens, newest first.
func (tx Rows) TokenReports(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredToken, error) {
	from, to, at, seq := limits(s, after)
	var out []metering.StoredToken
	err := tx.C.Query(`SELECT store, seq, at, received_at, tid, base_date, class, subclass, result, source, request,
		units_wh, balance_wh, token_id FROM token_report
		WHERE tenant_id = $1 AND meter = $2 AND (received_at < $3 OR received_at = $3 AND seq < $4) AND at >= $5 AND at < $6
		ORDER BY received_at DESC, seq DESC LIMIT $7`, func(r core.Row) error {
		t := metering.StoredToken{Store: r.Text(0), Seq: uint64(r.Int(1)), At: r.Time(2), ReceivedAt: r.Time(3), TID: -1,
			BaseDate: int(r.Int(5)), Class: -1, SubClass: -1, Result: r.Text(8), Source: r.Text(9), Request: r.Text(10),
			UnitsWh: r.Int(11), BalanceWh: r.Int(12), Token: r.ID(13)}
		if !r.IsNull(4) {
			t.TID = r.Int(4)
		}
		if !r.IsNull(6) {
			t.Class = int(r.Int(6))
		}
		if !r.IsNull(7) {
			t.SubClass = int(r.Int(7))
		}
		out = append(out, t)
		return nil
	}, tx.Tenant, meter, at, seq, from, to, max)
	return out, fault.Wrap(err, "list token reports")
}
