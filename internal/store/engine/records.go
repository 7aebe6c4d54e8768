package engine

import (
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

// CheckRecords returns why one call cannot take these records; nil if it can. The parameter take is the intake that decides about the
// records.
func CheckRecords(take store.Intake, recs []metering.Record) error {
	if take == nil {
		return store.ErrNoIntake
	}
	if len(recs) == 0 {
		return errors.New("ingest: no records")
	}
	for i := range recs {
		if recs[i].Tenant != recs[0].Tenant {
			return errors.New("ingest: records of two tenants in one call")
		}
	}
	return nil
}

// Single reports whether all records come from one meter.
func Single(recs []metering.Record) bool {
	for i := range recs {
		if recs[i].Meter != recs[0].Meter {
			return false
		}
	}
	return true
}

// Take calls the intake, and checks that it returned one outcome per record.
func Take(take store.Intake, tx *store.Tx, recs []metering.Record) ([]metering.Outcome, error) {
	outs, err := take(tx, recs)
	if err == nil && len(outs) != len(recs) {
		err = fmt.Errorf("%w: %d outcomes for %d records", store.ErrInvariant, len(outs), len(recs))
	}
	return outs, err
}

// Apart stores records meter by meter. If a meter's records cannot be stored, their outcome is Failed. The second result is the last
// error of this kind. A fatal error stops Apart.
func Apart(recs []metering.Record, together func([]metering.Record) (outs []metering.Outcome, failed, fatal error)) (outs []metering.Outcome,
	failed, fatal error) {
	outs = make([]metering.Outcome, len(recs))
	places := make(map[int64][]int)
	var order []int64
	for i := range recs {
		m := recs[i].Meter
		if places[m] == nil {
			order = append(order, m)
		}
		places[m] = append(places[m], i)
	}
	for _, m := range order {
		own := make([]metering.Record, len(places[m]))
		for k, i := range places[m] {
			own[k] = recs[i]
		}
		got, why, fatal := together(own)
		if fatal != nil {
			return nil, nil, fatal
		}
		if why != nil {
			failed = why
			continue
		}
		for k, i := range places[m] {
			outs[i] = got[k]
		}
	}
	return outs, failed, nil
}

// Share splits the outcomes of records that were stored together into the part of one call and the rest. The parameter failed is the
// store's error, or nil. If one of the call's own records has the outcome Failed, Share returns an error that wraps the store's error.
func Share(outs []metering.Outcome, records int, failed error) (own, rest []metering.Outcome, err error) {
	own, rest = outs[:records:records], outs[records:]
	for i := range own {
		if own[i].Kind == metering.Failed {
			if failed == nil {
				failed = store.ErrInvariant // used if the store gave no reason
			}
			err = fmt.Errorf("ingest: %w", failed)
		}
	}
	return own, rest, err
}
