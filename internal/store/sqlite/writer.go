package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
)

// Run queues fn for the writer and waits for the outcome; see store.Engine.
func (e *Engine) Run(ctx context.Context, t access.Tenant, lane store.Lane, fn func(*store.Tx) (bool, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.refuses(); err != nil {
		return err
	}
	w := &work{lane: lane, tenant: t, fn: fn, wait: make(chan error, 1)}
	if err := e.queue.put(w); err != nil {
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

// write is the writer goroutine: it ends when the queue is closed and empty.
func (e *Engine) write() {
	defer close(e.written)
	look := time.NewTicker(probeEvery)
	defer look.Stop()
	var b batch
	for {
		select {
		case <-e.queue.bell:
		case <-look.C:
			e.keepHeads()
			e.probe()
			continue
		}
		runtime.Gosched() // who was just answered may have more: a word from them now saves a commit
		if e.queue.take(&b.work) {
			e.keepHeads()
			return
		}
		e.run(&b)
	}
}

// keepHeads writes new heads to the file outside the database. The database has them too, so trouble with the file
// is no trouble of a sale.
func (e *Engine) keepHeads() {
	if err := e.heads.Flush(); err != nil {
		e.log.Warn("heads were not written", logkey.Err, err)
	}
}

// batch is what one commit decides about. The writer reuses it.
type batch struct {
	work  [lanes][]*work
	ran   []*work // in the order in which they ran
	fresh map[access.Tenant]*store.Fresh
	heads []tenantHead
	began time.Time
	told  bool // only ever true in a build with a planted bug (fault.go)
}

type tenantHead struct {
	tenant access.Tenant
	head   seal.Head
}

// run carries out a batch and tells everybody what became of it.
func (e *Engine) run(b *batch) {
	b.ran, b.heads, b.fresh, b.told = b.ran[:0], b.heads[:0], nil, false
	b.began = time.Now()
	err := e.refuses()
	if err == nil {
		err = e.transact(b)
	}
	if err != nil { // nothing happened, or nobody knows: the same for all of the batch
		e.sealer.Forget()
		for _, ws := range b.work {
			for _, w := range ws {
				w.err, w.outs = err, nil
			}
		}
		b.ran = append(append(append(b.ran[:0], b.work[0]...), b.work[1]...), b.work[2]...)
		b.heads = nil
	}
	e.counts.batch(len(b.ran), time.Since(b.began))
	for _, h := range b.heads {
		e.heads.Add(h.tenant, h.head)
	}
	if !b.told {
		for _, w := range b.ran {
			e.deliver(w)
		}
	}
	clear(b.ran)
	for l := range b.work {
		clear(b.work[l])
	}
	if err == nil {
		e.checkpoint()
	}
}

// deliver tells one caller.
func (e *Engine) deliver(w *work) {
	if w.fn != nil {
		w.wait <- w.err
		return
	}
	e.acks[e.ackWorker(w)] <- answer{w} // never blocks: no more calls than its capacity are unanswered
}

// transact runs the batch in one transaction. An error holds for all of it.
func (e *Engine) transact(b *batch) error {
	c := e.writer
	c.fault = nil
	if err := c.plain("BEGIN IMMEDIATE"); err != nil {
		return e.failed("begin", err)
	}
	if err := e.runAll(b); err != nil {
		return e.undo(err)
	}
	if err := e.sealAll(b); err != nil {
		return e.undo(err)
	}
	if faultInjection {
		e.early(b)
	}
	began := time.Now()
	err := e.commit(c)
	e.counts.committed(time.Since(began))
	if err == nil {
		return nil
	}
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultFull {
		// SQLite met the end of the disk while writing the log, before the commit mark: the transaction is undone and
		// recovery would not find it either.
		return e.undo(err)
	}
	// Only SQLite's own words go on: those around them say that nothing was written, and of that nobody is sure.
	code := sqlite.ErrCode(err)
	unknown := fmt.Errorf("%w: %s: %s", store.ErrOutcomeUnknown, code, code.Message())
	e.stop(unknown)
	if !c.c.AutocommitEnabled() {
		_ = c.plain("ROLLBACK") // whatever it says, nothing is written through this connection any more
	}
	return unknown
}

// undo rolls everything back; the outcome is certain because COMMIT was not reached or reported a full disk.
func (e *Engine) undo(why error) error {
	if !e.writer.c.AutocommitEnabled() {
		if err := e.writer.plain("ROLLBACK"); err != nil {
			e.stop(fmt.Errorf("roll back after %w: %w", why, err))
		}
	}
	return e.failed("write", why)
}

// failed sorts out an error before COMMIT: nothing happened, and perhaps nothing may be written any more.
func (e *Engine) failed(what string, err error) error {
	switch {
	case errors.Is(err, store.ErrFull):
		e.fullDisk(err)
	case errors.Is(err, store.ErrReadOnly):
		e.stop(err)
	case errors.Is(err, store.ErrInvariant):
		e.unfit(err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// runAll runs the lanes in order. After batchTime what is left of the lower lanes goes back to the queue, but each
// lane gets at least one turn in every batch. An error ends the whole transaction.
func (e *Engine) runAll(b *batch) error {
	for l := range b.work {
		ws := b.work[l]
		for i := 0; i < len(ws); i++ {
			if i > 0 && l > 0 && time.Since(b.began) > batchTime {
				e.queue.back(l, ws[i:])
				b.work[l] = ws[:i]
				break
			}
			if ws[i].fn != nil {
				b.ran = append(b.ran, ws[i])
				if err := e.closure(b, ws[i]); err != nil {
					return err
				}
				continue
			}
			n, err := e.ingest(b, ws[i:])
			if err != nil {
				return err
			}
			i += n - 1
		}
	}
	return nil
}

// closure runs one closure in a savepoint of its own. Its own failure stands in w.err; an error returned here ends the
// whole transaction.
func (e *Engine) closure(b *batch, w *work) error {
	began := time.Now()
	e.writer.rows = 0
	if e.opt.Rehearse {
		if _, err := e.attempt(b, w.tenant, func(tx *store.Tx) (bool, error) { _, err := w.fn(tx); return true, err }); err != nil {
			return err
		}
	}
	failed, err := e.attempt(b, w.tenant, w.fn)
	w.err = failed
	e.counts.closure(time.Since(began), e.writer.rows)
	return err
}

// attempt runs fn in a savepoint and keeps what it did unless it refused or failed. failed is the closure's own error;
// fatal ends the whole transaction.
func (e *Engine) attempt(b *batch, t access.Tenant, fn func(*store.Tx) (bool, error)) (failed, fatal error) {
	c := e.writer
	if err := c.plain("SAVEPOINT closure"); err != nil {
		return nil, err
	}
	tx := store.NewTx(c, t, e.opt.Now(), e.opt.Rand, e.epoch, b.freshOf(e.sealer, t))
	refused, failed := e.guarded(tx, fn)
	if c.fault != nil {
		return failed, c.fault
	}
	if failed == nil && !refused {
		tx.Keep()
		return nil, c.plain("RELEASE closure")
	}
	if errors.Is(failed, store.ErrInvariant) {
		e.unfit(failed)
	}
	if err := c.plain("ROLLBACK TO closure"); err != nil {
		return failed, err
	}
	return failed, c.plain("RELEASE closure")
}

// guarded turns a panic of a closure into a broken invariant.
func (e *Engine) guarded(tx *store.Tx, fn func(*store.Tx) (bool, error)) (refused bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = e.panicked(r)
		}
	}()
	return fn(tx)
}

// panicked makes an error of a panic; the stack goes to the log, not to whoever asked.
func (e *Engine) panicked(r any) error {
	e.log.Error("closure panicked", logkey.Reason, string(debug.Stack()))
	return fmt.Errorf("%w: panic: %v", store.ErrInvariant, r)
}

// freshOf is what the batch has added for a tenant so far.
func (b *batch) freshOf(s *store.Sealer, t access.Tenant) *store.Fresh {
	if b.fresh == nil {
		b.fresh = make(map[access.Tenant]*store.Fresh, 1)
	}
	f := b.fresh[t]
	if f == nil {
		f = s.Begin()
		b.fresh[t] = f
	}
	return f
}

// sealAll takes what the batch added to the books and audit logs into the tenants' logs.
func (e *Engine) sealAll(b *batch) error {
	for t, f := range b.fresh {
		if f.Empty() {
			continue
		}
		tx := store.NewTx(e.writer, t, e.opt.Now(), e.opt.Rand, e.epoch, nil)
		h, err := e.sealer.Seal(tx, f)
		if err != nil {
			return fmt.Errorf("seal: %w", err)
		}
		b.heads = append(b.heads, tenantHead{t, h})
	}
	if e.writer.fault != nil {
		return e.writer.fault
	}
	return nil
}
