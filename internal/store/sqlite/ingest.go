package sqlite

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

// answer is one call of Ingest whose outcome is decided.
type answer struct{ w *work }

// Ingest queues what one message brought; see store.Engine.
func (e *Engine) Ingest(recs []metering.Record, done func([]metering.Outcome, error)) error {
	if err := cmp.Or(e.refuses(), e.shut()); err != nil {
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
	return e.queue.put(&work{lane: store.Reading, tenant: recs[0].Tenant, recs: recs, done: done})
}

// answerAll is an ack worker: it calls back in the order of the commits.
func (e *Engine) answerAll(acks <-chan answer) {
	for a := range acks {
		e.answer(a.w)
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

// ackWorker keeps the messages of one meter on one worker, so that they are answered in order.
func (e *Engine) ackWorker(w *work) int { return int(uint64(w.recs[0].Meter) % ackWorkers) }

// ingest merges the calls of one tenant at the head of ws into one transaction's work and reports how many it took.
// When the merged records fail, every meter is tried on its own, so that one meter's trouble is its own.
func (e *Engine) ingest(b *batch, ws []*work) (int, error) {
	n := 0
	var recs []metering.Record
	for n < len(ws) && ws[n].fn == nil && ws[n].tenant == ws[0].tenant {
		b.ran = append(b.ran, ws[n])
		recs = append(recs, ws[n].recs...)
		n++
	}
	outs, failed, err := e.ingestTogether(b, ws[0].tenant, recs)
	if err != nil {
		return n, err
	}
	if failed != nil && single(recs) {
		outs = make([]metering.Outcome, len(recs))
	} else if failed != nil {
		if outs, failed, err = e.ingestApart(b, ws[0].tenant, recs); err != nil {
			return n, err
		}
	}
	if failed == nil {
		failed = store.ErrInvariant // if the store said Failed without saying why
	}
	for _, w := range ws[:n] {
		w.outs, outs = outs[:len(w.recs):len(w.recs)], outs[len(w.recs):]
		for i := range w.outs {
			if w.outs[i].Kind == metering.Failed {
				w.err = fmt.Errorf("ingest: %w", failed)
			}
		}
	}
	return n, nil
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

// ingestTogether stores records in one savepoint: all or, with failed set, none.
func (e *Engine) ingestTogether(b *batch, t access.Tenant, recs []metering.Record) (outs []metering.Outcome, failed, fatal error) {
	failed, fatal = e.attempt(b, t, func(tx *store.Tx) (bool, error) {
		var err error
		outs, err = e.opt.Intake(tx, recs)
		if err == nil && len(outs) != len(recs) {
			err = fmt.Errorf("%w: %d outcomes for %d records", store.ErrInvariant, len(outs), len(recs))
		}
		return false, err
	})
	return outs, failed, fatal
}

// ingestApart stores records meter by meter, each in a savepoint of its own. Records of meters that fail have the
// outcome Failed; failed is the last of their errors.
func (e *Engine) ingestApart(b *batch, t access.Tenant, recs []metering.Record) (outs []metering.Outcome, failed, fatal error) {
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
		got, why, fatal := e.ingestTogether(b, t, own)
		if fatal != nil {
			return nil, nil, fatal
		}
		if why != nil {
			failed = why
			e.counts.apart()
			continue
		}
		for k, i := range places[m] {
			outs[i] = got[k]
		}
	}
	return outs, failed, nil
}
