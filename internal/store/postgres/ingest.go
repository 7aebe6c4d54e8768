package postgres

import (
	"errors"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/engine"
)

// Ingest queues the records of one message; see store.Engine.
func (e *Engine) Ingest(recs []metering.Record, done func([]metering.Outcome, error)) error {
	if err := e.fit.Refuses(); err != nil {
		return err
	}
	if err := engine.CheckRecords(e.opt.Intake, recs); err != nil {
		return err
	}
	return e.queue.putRecords(&work{tenant: recs[0].Tenant, recs: recs, done: done})
}

// answerAll is the goroutine of an ack worker: it calls back in the order of the commits.
func (e *Engine) answerAll(acks <-chan *work) {
	for w := range acks {
		e.fit.Answer(func() { w.done(w.outs, w.err) })
		e.queue.answered()
	}
}

// ingest stores the records of calls of one tenant in one transaction. If that fails, it stores them meter by meter, so that one meter's
// fault does not affect other meters.
func (w *worker) ingest(calls []*work) {
	var recs []metering.Record
	for _, c := range calls {
		recs = append(recs, c.recs...)
	}
	outs, failed := w.ingestTogether(calls[0].tenant, recs)
	switch {
	case failed == nil:
	case errors.Is(failed, store.ErrOutcomeUnknown), w.e.fit.Refuses() != nil: // all calls get the same error
		outs = nil
	case engine.Single(recs):
		outs = make([]metering.Outcome, len(recs))
	default:
		outs, failed, _ = engine.Apart(recs, func(own []metering.Record) (outs []metering.Outcome, failed, _ error) {
			outs, failed = w.ingestTogether(calls[0].tenant, own)
			return outs, failed, nil
		})
	}
	for _, c := range calls {
		if outs == nil {
			c.err = failed
			continue
		}
		c.outs, outs, c.err = engine.Share(outs, len(c.recs), failed)
	}
	for _, c := range calls { // a meter always has the same ack worker; the calls are handed over before the next batch can overtake them
		w.e.acks[int(uint64(c.recs[0].Meter)%ackWorkers)] <- c
	}
	w.e.queue.ingested()
}

// ingestTogether stores records in one transaction, either all of them or none.
func (w *worker) ingestTogether(t access.Tenant, recs []metering.Record) (outs []metering.Outcome, err error) {
	err = w.closure(t, func(tx *store.Tx) (bool, error) {
		var err error
		outs, err = engine.Take(w.e.opt.Intake, tx, recs)
		return false, err
	})
	return outs, err
}
