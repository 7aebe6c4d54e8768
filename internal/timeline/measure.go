package timeline

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Measure tells what registers counted in a span of the meters' own time (right: meter.read). It is the use that charts show, by the same rule:
// of every meter what its register says, whatever was charged for it. It reads the readings at the ends of the span, and all readings only
// where a register did not continue. Meters are named by [registry.Meter.N].
func (t *Timeline) Measure(ctx context.Context, by access.Actor, meters []int64, from, to time.Time) (map[int64]series.Measured, error) {
	out := map[int64]series.Measured{}
	if by.Needs(access.ReadMeters).Refused() || len(meters) == 0 {
		return out, nil
	}
	err := t.look(ctx, by, func(tx Tx) error {
		const most = wallet.MaxPerPhase * mostPhases
		ends, err := tx.ReadingsAtEnds(meters, []metering.Span{{To: from}, {From: from, To: to}, {From: to}})
		if err != nil {
			return err
		}
		left := budget{most: most, times: maxRefined, rows: maxReadings}
		for _, m := range meters {
			rows, err := left.refine(tx, m, near(ends[m], from, to))
			if err != nil {
				return err
			}
			out[m] = series.Measure(samplesOf(inOrder(rows)), series.Bucket{From: from, To: to}, most)
		}
		return nil
	})
	return out, fault.Wrap(err, "measure the use of meters")
}

// near leaves of the readings at the ends of three spans the last before the middle one, those in it, and the first after it.
func near(rows []metering.StoredReading, from, to time.Time) []metering.StoredReading {
	first, last := 0, len(rows)
	for i, r := range rows {
		if stamp(r).Before(from) {
			first = i
		}
		if !stamp(r).Before(to) {
			last = min(last, i+1)
		}
	}
	return rows[first:max(first, last)]
}
