package meters

import (
	"math"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
)

// MeterNamed finds a meter by its number or, if the number is empty, by its identity.
func (tx Rows) MeterNamed(number string, meter id.ID) (n int64, found bool, err error) {
	sql, arg := `SELECT n FROM meter WHERE tenant_id = $1 AND number = $2`, any(number)
	if number == "" {
		sql, arg = `SELECT n FROM meter WHERE tenant_id = $1 AND id = $2`, meter
	}
	found, err = tx.One(sql, func(r core.Row) error { n = r.Int(0); return nil }, tx.Tenant, arg)
	return n, found, fault.Wrap(err, "find meter")
}

// limits returns a span and a cursor as bounds for the queries. An unset bound becomes a bound that excludes nothing.
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

// Readings returns a page of a meter's readings, the last stored first.
func (tx Rows) Readings(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredReading, error) {
	from, to, row, _ := limits(s, after)
	out, err := readingColumns.All(tx.C, `tenant_id = $1 AND meter = $2 AND id < $3 AND at >= $4 AND at < $5 ORDER BY id DESC LIMIT $6`,
		tx.Tenant, meter, row, from, to, max)
	return out, fault.Wrap(err, "list readings")
}

// saidBefore selects a page of a meter's records, newest first.
const saidBefore = `tenant_id = $1 AND meter = $2 AND (received_at < $3 OR received_at = $3 AND seq < $4) AND at >= $5 AND at < $6
	ORDER BY received_at DESC, seq DESC LIMIT $7`

// Events returns a page of a meter's events, daily rows and command answers, newest first.
func (tx Rows) Events(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredEvent, error) {
	from, to, at, seq := limits(s, after)
	out, err := eventColumns.All(tx.C, saidBefore, tx.Tenant, meter, at, seq, from, to, max)
	return out, fault.Wrap(err, "list events")
}

// TokenReports returns a page of a meter's reports about tokens, newest first.
func (tx Rows) TokenReports(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredToken, error) {
	from, to, at, seq := limits(s, after)
	out, err := reportColumns.All(tx.C, saidBefore, tx.Tenant, meter, at, seq, from, to, max)
	return out, fault.Wrap(err, "list token reports")
}
