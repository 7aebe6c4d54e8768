package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Run queues fn for a worker and waits for the outcome; see store.Engine.
func (e *Engine) Run(ctx context.Context, t access.Tenant, lane store.Lane, fn func(*store.Tx) (bool, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.fit.Refuses(); err != nil {
		return err
	}
	w := &work{tenant: t, fn: fn, wait: make(chan error, 1), shares: lane == store.Sale && access.MayShare(ctx)}
	if err := e.queue.put(lane, w); err != nil {
		return err
	}
	select {
	case err := <-w.wait:
		return err
	case <-ctx.Done():
		if !w.taken.Swap(true) {
			return fmt.Errorf("nothing was written: %w", context.Cause(ctx))
		}
		return <-w.wait
	}
}

// worker runs work on a connection of its own.
type worker struct {
	e *Engine
	c *conn

	batches int // number of transactions with several closures, of which some have thrown plans away
	memory  core.Memory
	selects map[string]*shared // statements that closures share, by their text
	inserts map[string]*held
	turns   []*turns
}

// run takes work until the queue is closed and empty.
func (w *worker) run() {
	for {
		closure, records, ok := w.e.queue.take()
		switch {
		case !ok:
			return
		case closure != nil:
			closure.wait <- w.closure(closure.tenant, closure.fn)
		default:
			w.ingest(records)
		}
	}
}

// sell runs sales together until the queue is closed and has none. One worker sells for all callers, because two transactions with half the
// sales each cost nearly twice as much. It does nothing else, so the same connection keeps its plans and its place in the processor's memory.
func (w *worker) sell() {
	defer func() {
		for _, t := range w.turns {
			if t != nil {
				t.stop()
			}
		}
	}()
	for {
		closures, ok := w.e.queue.takeSales()
		if !ok {
			return
		}
		behind, alone := w.together(closures)
		w.e.queue.reunite(len(closures))
		w.e.queue.sold(behind, alone)
	}
}

// closure runs fn until it has committed, has refused, or has failed for a reason that lies in fn. After a conflict, or a connection lost
// before COMMIT, nothing has changed and fn runs again.
func (w *worker) closure(t access.Tenant, fn func(*store.Tx) (bool, error)) error {
	e, began := w.e, time.Now()
	for try := 1; ; try++ {
		if err := e.fit.Refuses(); err != nil {
			return err
		}
		err := w.rehearse(t, fn)
		if err == nil {
			err = w.attempt(t, fn)
		}
		limit := maxTries
		switch {
		case err == nil:
			w.e.counts.closure(time.Since(began), w.c.rows, try)
			return nil
		case errors.Is(err, store.ErrOutcomeUnknown):
			w.doubt(err)
			return err
		case e.awaits(err):
			pause(try)
			continue
		case errors.Is(err, store.ErrConflict):
			limit = maxRefused // another transaction may just have committed the row: let fn decide again
		case !errors.Is(err, errAgain) && !errors.Is(err, errAway):
			return w.failed(err)
		}
		if try >= limit || w.e.closed() && errors.Is(err, errAway) {
			return w.failed(err)
		}
		pause(try)
	}
}

// doubt drops the connection whose COMMIT has an unknown outcome. Its callers have that answer. Nothing that the engine keeps depends on the
// outcome, so it goes on with a new connection, which is checked as at the start (see [Engine.connect]).
func (w *worker) doubt(err error) {
	w.e.log.Warn("the outcome of a commit is unknown", logkey.Err, err)
	w.e.fit.Hinder(err)
	w.c.drop()
}

// rehearse runs fn and rolls it back if Options.Rehearse is set. It returns an error only if fn must be tried again. It ignores all other
// errors, because the real run meets them too.
func (w *worker) rehearse(t access.Tenant, fn func(*store.Tx) (bool, error)) error {
	if !w.e.opt.Rehearse {
		return nil
	}
	err := w.attempt(t, func(tx *store.Tx) (bool, error) { _, err := fn(tx); return true, err })
	if errors.Is(err, errAgain) || errors.Is(err, errAway) {
		return err
	}
	return nil
}

// failed handles the error of a closure that changed nothing.
func (w *worker) failed(err error) error {
	switch {
	case errors.Is(err, store.ErrReadOnly):
		w.e.fit.Stop(err)
	case errors.Is(err, store.ErrInvariant):
		w.e.fit.Unfit(err)
	}
	return err
}

// pause waits a random time before another try; its limit doubles with each try.
func pause(try int) {
	time.Sleep(time.Duration(rand.Int64N(int64(time.Millisecond) << min(try, 8))))
}

// ready connects if the worker has no connection.
func (w *worker) ready() error {
	if w.c.alive() {
		return nil
	}
	c, err := w.e.connect(context.Background())
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrBusy, err)
	}
	w.c = c
	return nil
}

// attempt runs fn in one transaction.
func (w *worker) attempt(t access.Tenant, fn func(*store.Tx) (bool, error)) error {
	if err := w.ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), workTime)
	defer cancel()
	w.c.ctx = ctx
	if err := w.c.beginAt(beginWrite, w.e.clock); err != nil {
		return err
	}
	if err := w.e.waits(w.c); err != nil {
		return err
	}
	tx := w.e.newTx(w.c, t)
	refused, err := w.e.fit.Guarded(func() (bool, error) { return tx.Finish(fn(tx)) })
	if err == nil {
		err = w.c.fault // a closure that ignored an error must not commit
	}
	if err != nil || refused || !w.c.wrote { // without writes there is nothing to commit, and the outcome cannot become unknown
		return errors.Join(err, w.c.rollback())
	}
	err = w.e.commit(w.c)
	w.e.counts.committed()
	if err != nil && !w.c.pg.IsClosed() {
		_ = w.c.rollback() // in case COMMIT left the transaction open
	}
	if err == nil && len(tx.Due) > 0 && w.e.opt.Due != nil {
		w.e.opt.Due(tx.Due)
	}
	return err
}
