package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"zombiezen.com/go/sqlite"
)

// Run queues fn for the writer and waits for the outcome; see store.Engine.
func (e *Engine) Run(ctx context.Context, t access.Tenant, lane store.Lane, fn func(*store.Tx) (bool, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.fit.Refuses(); err != nil {
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

// write is the writer goroutine. It ends when the queue is closed and empty.
func (e *Engine) write() {
	pin()
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
			e.measure()
			continue
		}
		runtime.Gosched() // callers just answered may have more work: taking it now saves a commit
		if e.queue.take(&b.work) {
			e.keepHeads()
			return
		}
		if b.empty() { // the last batch has already taken the work
			continue
		}
		e.run(&b)
	}
}

// keepHeads writes new heads to the file outside the database. The database has them too, so a fault of the file does not fail a sale.
func (e *Engine) keepHeads() {
	if err := e.heads.Flush(); err != nil {
		e.log.Warn("heads were not written", logkey.Err, err)
	}
}

// batch is the work of one commit. The writer reuses it.
type batch struct {
	work         [lanes][]*work
	next         [lanes]int        // number of pieces of work of each lane that have run
	recs         []metering.Record // room for the records of one tenant
	ran          []*work           // work that has run, in this order
	crowd        int               // number of sales in the batch before this one
	fresh        map[access.Tenant]*core.Fresh
	heads        []tenantHead
	due          core.Lanes // lanes of the outbox in which the batch made work due
	began        time.Time
	acknowledged bool // whether callers have their answers; true only in a build with a planted bug (fault.go)

	careful bool // whether every piece of work has its own savepoint
	caution int  // number of further batches that are careful
}

// carefulBatches is how many batches use savepoints after a batch that had to run twice.
const carefulBatches = 64

// errSpoilt ends the first run of a batch, in which a closure needs a rollback and has no savepoint.
var errSpoilt = errors.New("work without a savepoint asked to undo its writes")

func (b *batch) empty() bool { return len(b.work[0])+len(b.work[1])+len(b.work[2]) == 0 }

// begin resets the batch for a run of its work.
func (b *batch) begin(careful bool) {
	b.ran, b.heads, b.due, b.fresh = b.ran[:0], b.heads[:0], nil, nil
	b.next = [lanes]int{}
	b.careful = careful
}

type tenantHead struct {
	tenant access.Tenant
	head   seal.Head
}

// run carries out a batch and answers its callers.
func (e *Engine) run(b *batch) {
	b.began, b.acknowledged = time.Now(), false
	err := e.fit.Refuses()
	if err == nil {
		roomy := e.shut() == nil
		err = e.transact(b)
		if roomy && e.shut() != nil {
			// The disk is full, and the reserve was released. The batch runs again, because closures that only read can now succeed.
			e.sealer.Forget()
			err = e.transact(b)
		}
	}
	if err != nil { // nothing happened, or the outcome is unknown: the whole batch gets the same error
		e.sealer.Forget()
		for _, ws := range b.work {
			for _, w := range ws {
				w.err, w.outs = err, nil
			}
		}
		b.ran = append(append(append(b.ran[:0], b.work[0]...), b.work[1]...), b.work[2]...)
		b.heads = nil
	}
	b.crowd = len(b.work[store.Sale])
	e.counts.batch()
	for _, h := range b.heads {
		e.heads.Add(h.tenant, h.head)
	}
	if len(b.heads) > 0 && e.heads.Empty() {
		e.keepHeads()
	}
	if err == nil && len(b.due) > 0 && e.opt.Due != nil {
		e.opt.Due(b.due)
	}
	size := 0
	for _, w := range b.ran {
		size += w.size() // before the caller has its answer
		if !b.acknowledged {
			e.deliver(w)
		}
	}
	clear(b.ran)
	for l := range b.work {
		clear(b.work[l])
	}
	if err == nil {
		e.checkpoint(size)
	}
}

// deliver answers one caller.
func (e *Engine) deliver(w *work) {
	if w.fn != nil {
		w.wait <- w.err
		return
	}
	e.acks[e.ackWorker(w)] <- answer{w} // never blocks: at most maxIngest calls are unanswered, and the channel has room for all of them
}

// transact runs the batch in one transaction. An error holds for the whole batch.
//
// In most batches no closure is rolled back, so savepoints would be wasted: after each one, SQLite copies every page that is touched. The
// batch therefore runs without savepoints first. If a closure that wrote must be undone, everything is rolled back and the batch runs again
// with savepoints. The next carefulBatches batches run with savepoints too. Closures may run more than once by contract.
func (e *Engine) transact(b *batch) error {
	c := e.writer
	defer e.buffer.End()
	b.caution = max(0, b.caution-1)
	err := e.gather(b, b.caution > 0 || e.opt.Rehearse)
	if errors.Is(err, errSpoilt) {
		b.caution = carefulBatches
		e.sealer.ForgetRolledBack()
		err = c.plain("ROLLBACK")
		e.buffer.End()
		if err == nil {
			err = e.gather(b, true)
		}
	}
	if err != nil {
		return e.undo(err)
	}
	if faultInjection {
		e.early(b)
	}
	err = e.commit(c)
	if n := e.buffer.End(); err == nil && n > 0 {
		err = fmt.Errorf("%d bytes of a commit did not reach the log", n)
	}
	if err == nil {
		return nil
	}
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultFull {
		// SQLite found the disk full while writing the log, before the commit mark: the transaction is undone, and SQLite's recovery would
		// not find it either.
		return e.undo(err)
	}
	// Pass on only SQLite's own message: the wrapping errors say that nothing was written, which is not certain.
	code := sqlite.ErrCode(err)
	unknown := fmt.Errorf("%w: %s: %s", store.ErrOutcomeUnknown, code, code.Message())
	e.fit.Stop(unknown)
	if !c.c.AutocommitEnabled() {
		_ = c.plain("ROLLBACK") // an error does not matter: this connection writes no more
	}
	return unknown
}

// gather opens the transaction, runs the batch and the sales that come in meanwhile, and seals.
func (e *Engine) gather(b *batch, careful bool) error {
	b.begin(careful)
	e.writer.fault = nil
	if err := e.writer.plain("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	e.buffer.Begin()
	if err := e.runAll(b); err != nil {
		return err
	}
	return e.sealAll(b)
}

// undo rolls everything back. The outcome is certain, because COMMIT was not reached or reported a full disk.
func (e *Engine) undo(why error) error {
	if !e.writer.c.AutocommitEnabled() {
		if err := e.writer.plain("ROLLBACK"); err != nil {
			e.fit.Stop(fmt.Errorf("roll back after %w: %w", why, err))
		}
	}
	return e.failed("write", why)
}

// failed handles an error before COMMIT. Nothing was written, but some errors stop further writes.
func (e *Engine) failed(what string, err error) error {
	switch {
	case errors.Is(err, store.ErrFull):
		e.fullDisk(err)
	case errors.Is(err, store.ErrReadOnly):
		e.fit.Stop(err)
	case errors.Is(err, store.ErrInvariant):
		e.fit.Unfit(err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// runAll runs the lanes in order, and then the sales that have come in meanwhile, so that they need not wait for another fsync. An error
// ends the whole transaction.
func (e *Engine) runAll(b *batch) error {
	for l := range b.work {
		if err := e.runLane(b, l); err != nil {
			return err
		}
	}
	for e.late(b) {
		if err := e.runLane(b, int(store.Sale)); err != nil {
			return err
		}
	}
	return nil
}

// late takes waiting sales into the batch, unless it is old or full. If no sale waits and the batch has fewer sales than the last batch, it
// first yields the processor once to callers who may be queuing more. It does not wait for a timer.
func (e *Engine) late(b *batch) bool {
	room := maxBatch
	for l := range b.work {
		for _, w := range b.work[l] {
			room -= w.size()
		}
	}
	if room <= 0 || time.Since(b.began) > batchTime {
		return false
	}
	if e.queue.more(store.Sale, &b.work, room) {
		return true
	}
	if len(b.work[store.Sale]) >= b.crowd {
		return false
	}
	runtime.Gosched()
	return e.queue.more(store.Sale, &b.work, room)
}

// runLane runs the work of a lane. After batchTime, the remaining work of the lower lanes goes back to the queue. But each lane runs at
// least one piece of work in every batch.
func (e *Engine) runLane(b *batch, l int) error {
	for b.next[l] < len(b.work[l]) {
		i := b.next[l]
		if i > 0 && l > 0 && time.Since(b.began) > batchTime {
			e.queue.back(l, b.work[l][i:])
			b.work[l] = b.work[l][:i]
			return nil
		}
		w := b.work[l][i]
		if w.fn != nil {
			b.next[l]++
			b.ran = append(b.ran, w)
			if err := e.closure(b, w); err != nil {
				return err
			}
			continue
		}
		n, err := e.ingest(b, b.work[l][i:])
		if err != nil {
			return err
		}
		b.next[l] += n
	}
	return nil
}

// closure runs one closure and puts its own error into w.err; an error returned here ends the whole transaction.
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

// attempt runs fn and keeps its writes unless fn refused or failed. It uses a savepoint in a careful batch. The first result is the
// closure's own error. The second result is an error that ends the whole transaction.
func (e *Engine) attempt(b *batch, t access.Tenant, fn func(*store.Tx) (bool, error)) (failed, fatal error) {
	c := e.writer
	if b.careful {
		if err := c.plain("SAVEPOINT closure"); err != nil {
			return nil, err
		}
	}
	writes := c.writes
	tx := e.newTx(c, t, b.freshOf(e.sealer, t))
	refused, failed := e.guarded(tx, fn)
	if c.fault != nil {
		return failed, c.fault
	}
	if failed == nil && !refused {
		tx.Keep()
		b.due.Add(tx.Due...)
		return nil, e.leave(b, false)
	}
	if !b.careful && c.writes != writes {
		return nil, errSpoilt
	}
	if errors.Is(failed, store.ErrInvariant) {
		e.fit.Unfit(failed)
	}
	return failed, e.leave(b, true)
}

// leave ends the savepoint of a piece of work, if it has one.
func (e *Engine) leave(b *batch, undo bool) error {
	if !b.careful {
		return nil
	}
	if undo {
		e.sealer.ForgetRolledBack()
		if err := e.writer.plain("ROLLBACK TO closure"); err != nil {
			return err
		}
	}
	return e.writer.plain("RELEASE closure")
}

// guarded runs a closure and turns its panic into a broken invariant. On a full disk the closure may not write. Its audit rows are still
// written afterwards, so that audited reads work.
func (e *Engine) guarded(tx *store.Tx, fn func(*store.Tx) (bool, error)) (refused bool, err error) {
	e.writer.shut = e.shut()
	defer func() { e.writer.shut = nil }()
	return e.fit.Guarded(func() (bool, error) {
		refused, err := fn(tx)
		e.writer.shut = nil
		return tx.Finish(refused, err)
	})
}

// shut returns [store.ErrFull] while the disk is full, otherwise nil.
func (e *Engine) shut() error {
	if e.fit.Hindered() != nil {
		return store.ErrFull
	}
	return nil
}

// freshOf returns the Fresh with the rows that the batch has added for a tenant so far.
func (b *batch) freshOf(s *core.Sealer, t access.Tenant) *core.Fresh {
	if b.fresh == nil {
		b.fresh = make(map[access.Tenant]*core.Fresh, 1)
	}
	f := b.fresh[t]
	if f == nil {
		f = s.Begin()
		b.fresh[t] = f
	}
	return f
}

// sealAll writes the counters of the batch, and seals the rows that it added to the tenants' books and audit logs.
func (e *Engine) sealAll(b *batch) error {
	for t, f := range b.fresh {
		tx := e.newTx(e.writer, t, nil)
		if err := f.Write(tx.Tx); err != nil {
			return err
		}
		if f.Empty() {
			continue
		}
		h, err := e.sealer.Seal(tx.Tx, f)
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
