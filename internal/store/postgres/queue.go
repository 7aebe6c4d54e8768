package postgres

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

// lanes is the number of lanes: store.Sale, store.Reading, store.Job.
const lanes = int(store.Job) + 1

// work is one closure, or one call of Ingest, on its way to a worker.
type work struct {
	tenant access.Tenant
	shares bool        // whether it may share its transaction with other closures
	key    string      // the row for which it waits behind another closure; empty for none
	taken  atomic.Bool // set by the worker that takes the work, or by a caller that gives up, whichever is first

	fn   func(*store.Tx) (refused bool, err error) // nil for a call of Ingest
	wait chan error                                // buffered; gets the outcome after the commit

	recs []metering.Record
	outs []metering.Outcome
	err  error
	done func([]metering.Outcome, error)
}

// queue holds the work that waits for the workers: closures by lane, and calls of Ingest, which belong to the lane of readings. Closures that
// may share a transaction wait for the seller alone, the worker that runs them together.
type queue struct {
	mu      sync.Mutex
	more    *sync.Cond // for all workers but the seller
	waiting [lanes][]*work
	passed  [lanes]int // how often a better lane went first while this lane had work
	alone   []*work    // closures that may share a transaction, but turned out to need one of their own
	ingests []*work
	ingest  bool // whether a worker is storing records; no other worker may overtake it
	open    int  // number of calls of Ingest that are queued or not answered yet
	closed  bool

	sell   *sync.Cond // for the seller
	sales  []*work    // closures that may share a transaction
	behind []*work    // closures that wait for a row behind another closure, in order
	done   bool       // whether the seller has ended
}

func (q *queue) init() { q.more, q.sell = sync.NewCond(&q.mu), sync.NewCond(&q.mu) }

// put adds a closure at the end of its lane.
func (q *queue) put(lane store.Lane, w *work) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return store.ErrClosed
	case len(q.waiting[lane]) >= maxQueue || len(q.sales) >= maxQueue:
		return store.ErrBusy
	}
	if w.shares {
		q.sales = append(q.sales, w)
		q.sell.Signal()
		return nil
	}
	q.waiting[lane] = append(q.waiting[lane], w)
	q.more.Signal()
	return nil
}

// putRecords adds a call of Ingest.
func (q *queue) putRecords(w *work) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return store.ErrClosed
	case q.open >= maxIngest:
		return store.ErrBusy
	}
	q.open++
	q.ingests = append(q.ingests, w)
	q.more.Signal()
	return nil
}

// take waits for the next piece of work of a worker that is not the seller: one closure, or calls of Ingest of one tenant. ok is false if the
// queue is closed and empty.
func (q *queue) take() (closure *work, records []*work, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if len(q.alone) > 0 {
			w := q.alone[0]
			q.alone = slices.Delete(q.alone, 0, 1)
			return w, nil, true
		}
		lane := q.next()
		switch {
		case lane == store.Reading && q.mayIngest():
			return nil, q.takeRecords(), true
		case lane >= 0:
			w := q.waiting[lane][0]
			q.waiting[lane][0] = nil
			q.waiting[lane] = q.waiting[lane][1:]
			if w.taken.Swap(true) {
				continue // the caller has given up
			}
			return w, nil, true
		case q.closed && !q.ingest && q.done:
			return nil, nil, false
		}
		q.more.Wait()
	}
}

// takeSales waits for the closures that run together next: those that waited behind others first, but only one for each row. ok is false if
// the queue is closed and has none.
func (q *queue) takeSales() (all []*work, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case len(q.sales)+len(q.behind) > 0:
			if all := q.together(); len(all) > 0 {
				return all, true
			}
			continue // their callers have given up
		case q.closed:
			q.done = true
			q.more.Broadcast()
			return nil, false
		}
		q.sell.Wait()
	}
}

// next chooses the lane to serve. This is the best lane that has work, unless a lane behind it was passed over too often. It returns -1 if
// no lane has work.
func (q *queue) next() store.Lane {
	best := store.Lane(-1)
	for l := range store.Lane(lanes) {
		if len(q.waiting[l]) == 0 && (l != store.Reading || !q.mayIngest()) {
			continue
		}
		if best < 0 || q.passed[l] >= patience {
			best = l
		}
	}
	for l := range store.Lane(lanes) {
		if l > best && len(q.waiting[l]) > 0 {
			q.passed[l]++
		}
	}
	if best >= 0 {
		q.passed[best] = 0
	}
	return best
}

// together takes the first closures that fit into one transaction.
func (q *queue) together() (all []*work) {
	fits := func(w *work) bool {
		return len(all) < maxSales && (len(all) == 0 || all[0].tenant == w.tenant) &&
			(w.key == "" || !slices.ContainsFunc(all, func(o *work) bool { return o.key == w.key }))
	}
	q.behind = slices.DeleteFunc(q.behind, func(w *work) bool {
		if !fits(w) {
			return false
		}
		all = append(all, w)
		return true
	})
	n := 0
	for n < len(q.sales) && fits(q.sales[n]) {
		if w := q.sales[n]; !w.taken.Swap(true) { // otherwise the caller has given up
			all = append(all, w)
		}
		n++
	}
	clear(q.sales[:n])
	q.sales = q.sales[n:]
	return all
}

// reuniteTime is how long the seller waits at most for the callers that it has answered. It is a small part of the time of a transaction.
const reuniteTime = 400 * time.Microsecond

// reunite lets callers who were just answered queue their next sales beside those that wait already. Without it, callers split into two halves
// that take turns, and each transaction has half the sales at nearly the same cost. It yields the processor and sets no timer.
func (q *queue) reunite(answered int) {
	want := crowd(answered, q.selling())
	for began := time.Now(); q.selling() < want && time.Since(began) < reuniteTime; {
		runtime.Gosched()
	}
}

// crowd returns how many sales are worth waiting for. One caller alone is not: nobody could join it.
func crowd(answered, waiting int) int {
	if answered+waiting < 2 {
		return 0
	}
	return min(answered+waiting, maxSales)
}

// selling returns how many sales wait to run together.
func (q *queue) selling() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.sales)
}

// sold takes back the closures that must run again after others, and those that need a transaction of their own.
func (q *queue) sold(behind, alone []*work) {
	if len(behind)+len(alone) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.behind, q.alone = append(q.behind, behind...), append(q.alone, alone...)
	q.more.Broadcast()
}

func (q *queue) mayIngest() bool { return len(q.ingests) > 0 && !q.ingest }

// takeRecords takes the first calls that belong to one tenant, up to maxBatch records.
func (q *queue) takeRecords() []*work {
	q.ingest = true
	n, size := 0, 0
	for n < len(q.ingests) && q.ingests[n].tenant == q.ingests[0].tenant && (n == 0 || size+len(q.ingests[n].recs) <= maxBatch) {
		size += len(q.ingests[n].recs)
		n++
	}
	out := append([]*work(nil), q.ingests[:n]...)
	rest := copy(q.ingests, q.ingests[n:])
	clear(q.ingests[rest:])
	q.ingests = q.ingests[:rest]
	return out
}

// ingested lets the next worker take records, because this worker has finished its own.
func (q *queue) ingested() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ingest = false
	q.more.Broadcast()
}

// answered lowers the number of unanswered calls of Ingest by one.
func (q *queue) answered() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open--
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
	q.sell.Broadcast()
}
