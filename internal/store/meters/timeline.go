package meters

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
)

// readAt is the meter's time of a reading, or the server's if the meter's clock was not set.
const readAt = `CASE WHEN clock = 'invalid' THEN received_at ELSE at END`

// ReadingsAround lists at most max of a meter's readings in a span of the meter's time, in the order of that time. The newest reading before
// the span comes first, and the oldest one after it comes last.
func (tx Rows) ReadingsAround(meter int64, s metering.Span, max int) ([]metering.StoredReading, error) {
	from, to, _, _ := limits(s, metering.After{})
	out, err := readingColumns.All(tx.C, `tenant_id = $1 AND meter = $2 AND `+readAt+` < $3 ORDER BY `+readAt+` DESC, id DESC LIMIT 1`, tx.Tenant, meter, from)
	if err != nil {
		return nil, fault.Wrap(err, "list readings")
	}
	in, err := readingColumns.All(tx.C, `tenant_id = $1 AND meter = $2 AND `+readAt+` >= $3 AND `+readAt+` < $4 ORDER BY `+readAt+`, id LIMIT $5`, tx.Tenant, meter, from, to, max)
	if err != nil {
		return nil, fault.Wrap(err, "list readings")
	}
	after, err := readingColumns.All(tx.C, `tenant_id = $1 AND meter = $2 AND `+readAt+` >= $3 ORDER BY `+readAt+`, id LIMIT 1`, tx.Tenant, meter, to)
	return append(append(out, in...), after...), fault.Wrap(err, "list readings")
}

// ReadingsAtEnds lists the first and the last reading of each meter in each of several spans of the meters' time, in the order of the spans and
// of that time. It asks once for each span, and reads no other rows, however many there are.
func (tx Rows) ReadingsAtEnds(meters []int64, spans []metering.Span) (map[int64][]metering.StoredReading, error) {
	const end = `SELECT (SELECT id FROM reading WHERE tenant_id = m.tenant_id AND meter = m.n AND ` + readAt + ` >= $2 AND ` + readAt + ` < $3 ORDER BY ` + readAt
	out := map[int64][]metering.StoredReading{}
	if len(meters) == 0 {
		return out, nil
	}
	in, args := marked(meters, 4)
	all := ` FROM meter m WHERE m.tenant_id = $1 AND m.n IN (` + in + `)`
	sql := `SELECT meter, ` + readingColumns.List("") + ` FROM reading WHERE tenant_id = $1 AND id IN (` + end + `, id LIMIT 1)` + all + ` UNION ALL ` + end + ` DESC, id DESC LIMIT 1)` + all +
		`) ORDER BY ` + readAt + `, id`
	for _, s := range spans {
		from, to, _, _ := limits(s, metering.After{})
		err := tx.C.Query(sql, func(r core.Row) error {
			var row metering.StoredReading
			_, err := readingColumns.Scan(r, 1, &row)
			out[r.Int(0)] = append(out[r.Int(0)], row)
			return err
		}, append([]any{tx.Tenant, from, to}, args...)...)
		if err != nil {
			return nil, fault.Wrap(err, "list readings at the ends of spans")
		}
	}
	return out, nil
}

// marked writes the placeholders of a list of values, the first with a number, and returns the values as arguments.
func marked[T any](all []T, first int) (in string, args []any) {
	marks := make([]string, len(all))
	for i, v := range all {
		marks[i], args = "$"+strconv.Itoa(first+i), append(args, v)
	}
	return strings.Join(marks, ", "), args
}

// NewestReading returns the meter's time of its newest reading before a time, or of all if the time is zero. It returns zero for none.
func (tx Rows) NewestReading(meter int64, before time.Time) (at time.Time, err error) {
	_, to, _, _ := limits(metering.Span{To: before}, metering.After{})
	_, err = tx.One(`SELECT MAX(`+readAt+`) FROM reading WHERE tenant_id = $1 AND meter = $2 AND `+readAt+` < $3`, func(r core.Row) error {
		if !r.IsNull(0) {
			at = r.Time(0)
		}
		return nil
	}, tx.Tenant, meter, to)
	return at, fault.Wrap(err, "find the newest reading")
}

// NewestReadings returns the meters' times of the newest reading of each of some meters. A meter without a reading is missing.
func (tx Rows) NewestReadings(meters []int64) (map[int64]time.Time, error) {
	out := map[int64]time.Time{}
	if len(meters) == 0 {
		return out, nil
	}
	_, to, _, _ := limits(metering.Span{}, metering.After{})
	in, args := marked(meters, 3)
	err := tx.C.Query(`SELECT m.n, (SELECT MAX(`+readAt+`) FROM reading WHERE tenant_id = $1 AND meter = m.n AND `+readAt+` < $2) FROM meter m WHERE m.tenant_id = $1 AND m.n IN (`+in+`)`,
		func(r core.Row) error {
			if !r.IsNull(1) {
				out[r.Int(0)] = r.Time(1)
			}
			return nil
		}, append([]any{tx.Tenant, to}, args...)...)
	return out, fault.Wrap(err, "find the newest readings")
}

// AcceptedTokens lists the credit tokens that a meter accepted between two times of its own, in order.
func (tx Rows) AcceptedTokens(meter int64, from, to time.Time, max int) ([]metering.StoredToken, error) {
	out, err := reportColumns.All(tx.C, `tenant_id = $1 AND meter = $2 AND at >= $3 AND at < $4 AND result = 'accept' AND units_wh > 0 ORDER BY at, seq LIMIT $5`,
		tx.Tenant, meter, from, to, max)
	return out, fault.Wrap(err, "list accepted tokens")
}
