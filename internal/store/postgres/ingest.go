package postgres

import (
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

// Ingest queues what one message brought; see store.Engine.
func (e *Engine) Ingest(recs []metering.Record, done func([]metering.Outcome, error)) error {
	if err := e.refuses(); err != nil {
		return err
	}
	if e.opt.Intake == nil {
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
	return e.queue.putRecords(&work{tenant: recs[0].Tenant, recs: recs, done: done})
}

// answerAll is an ack worker: it calls back in the order of the commits.
func (e *Engine) answerAll(acks <-chan *work) {
	for w := range acks {
		e.answer(w)
		e.queue.answered()
	}
}

// answer calls back. A panic there is a bug of the caller; the commit stands and the others want their answers.
func (e *Engine) answer(w *work) {
	defer func() {
		if r := recover(); r != nil {
			e.unfit(e.panicked(r))
		}
	}()
	w.done(w.outs, w.err)
}

// ingest merges calls of one tenant into one transaction. When that fails, every meter is tried on its own, so that one
// meter's trouble is its own.
func (w *worker) ingest(calls []*work) {
	var recs []metering.Record
	for _, c := range calls {
		recs = append(recs, c.recs...)
	}
	outs, failed := w.ingestTogether(calls[0].tenant, recs)
	switch {
	case failed == nil:
	case w.e.refuses() != nil: // nobody knows, or nothing more is written: the same for all
		outs = nil
	case single(recs):
		outs = make([]metering.Outcome, len(recs))
	default:
		outs, failed = w.ingestApart(calls[0].tenant, recs)
	}
	for _, c := range calls {
		if outs == nil {
			c.err = failed
			continue
		}
		c.outs, outs = outs[:len(c.recs):len(c.recs)], outs[len(c.recs):]
		for i := range c.outs {
			if c.outs[i].Kind == metering.Failed {
				c.err = fmt.Errorf("ingest: %w", cmpError(failed, store.ErrInvariant))
			}
		}
	}
	for _, c := range calls { // to one ack worker per meter, before the next batch may overtake
		w.e.acks[int(uint64(c.recs[0].Meter)%ackWorkers)] <- c
	}
	w.e.queue.ingested()
}

// cmpError is the first error that there is.
func cmpError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// single reports whether all records are of one meter.
func single(recs []metering.Record) bool {
	for i := range recs {
		if recs[i].Meter != recs[0].Meter {
			return false
		}
	}
	return true
}

// ingestTogether stores records in one transaction: all or none.
func (w *worker) ingestTogether(t access.Tenant, recs []metering.Record) (outs []metering.Outcome, err error) {
	err = w.closure(t, func(tx *store.Tx) (bool, error) {
		var err error
		outs, err = w.e.opt.Intake(tx, recs)
		if err == nil && len(outs) != len(recs) {
			err = fmt.Errorf("%w: %d outcomes for %d records", store.ErrInvariant, len(outs), len(recs))
		}
		return false, err
	})
	if err != nil {
		return nil, err
	}
	return outs, nil
}

// ingestApart stores records meter by meter. Records of meters that fail have the outcome Failed; failed is the last of
// their errors. A commit of unknown outcome ends it: the rest has failed for certain.
func (w *worker) ingestApart(t access.Tenant, recs []metering.Record) (outs []metering.Outcome, failed error) {
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
		got, err := w.ingestTogether(t, own)
		if err != nil {
			failed = err
			w.e.counts.apart()
			continue
		}
		for k, i := range places[m] {
			outs[i] = got[k]
		}
	}
	return outs, failed
}
