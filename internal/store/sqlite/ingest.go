package sqlite

import (
	"cmp"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/engine"
)

// answer is one call of Ingest with its outcome.
type answer struct{ w *work }

// Ingest queues the records of one message; see store.Engine.
func (e *Engine) Ingest(recs []metering.Record, done func([]metering.Outcome, error)) error {
	if err := cmp.Or(e.fit.Refuses(), e.shut()); err != nil {
		return err
	}
	if err := engine.CheckRecords(e.opt.Intake, recs); err != nil {
		return err
	}
	return e.queue.put(&work{lane: store.Reading, tenant: recs[0].Tenant, recs: recs, done: done})
}

// answerAll is the goroutine of an ack worker: it calls back in the order of the commits.
func (e *Engine) answerAll(acks <-chan answer) {
	for a := range acks {
		e.fit.Answer(func() { a.w.done(a.w.outs, a.w.err) })
		e.queue.answered()
	}
}

// ackWorker keeps the messages of one meter on one worker, so that they are answered in order.
func (e *Engine) ackWorker(w *work) int { return int(uint64(w.recs[0].Meter) % ackWorkers) }

// ingest takes the first calls in ws that belong to one tenant, stores their records together, and returns the number of these calls. If
// that fails, it stores the records meter by meter, so that one meter's fault does not affect other meters.
func (e *Engine) ingest(b *batch, ws []*work) (int, error) {
	n, recs := 0, b.recs[:0]
	for n < len(ws) && ws[n].fn == nil && ws[n].tenant == ws[0].tenant {
		b.ran = append(b.ran, ws[n])
		recs = append(recs, ws[n].recs...)
		n++
	}
	b.recs = recs
	defer clear(recs) // the buffer keeps no record alive
	outs, failed, err := e.ingestTogether(b, ws[0].tenant, recs)
	if err != nil {
		return n, err
	}
	if failed != nil && engine.Single(recs) {
		outs = make([]metering.Outcome, len(recs))
	} else if failed != nil {
		if outs, failed, err = engine.Apart(recs, func(own []metering.Record) ([]metering.Outcome, error, error) {
			return e.ingestTogether(b, ws[0].tenant, own)
		}); err != nil {
			return n, err
		}
	}
	for _, w := range ws[:n] {
		w.outs, outs, w.err = engine.Share(outs, len(w.recs), failed)
	}
	return n, nil
}

// ingestTogether stores all records, or stores none and returns the reason in failed.
func (e *Engine) ingestTogether(b *batch, t access.Tenant, recs []metering.Record) (outs []metering.Outcome, failed, fatal error) {
	failed, fatal = e.attempt(b, t, func(tx *store.Tx) (bool, error) {
		var err error
		outs, err = engine.Take(e.opt.Intake, tx, recs)
		return false, err
	})
	return outs, failed, fatal
}
