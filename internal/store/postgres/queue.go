package postgres

import (
	"sync"
	"sync/atomic"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

// lanes is the number of lanes: store.Sale, store.Reading, store.Job.
const lanes = int(store.Job) + 1

// work is one closure, or one call of Ingest, on its way to a worker.
type work struct {
	tenant access.Tenant
	taken  atomic.Bool // set by the worker that takes the work, or by a caller that gives up, whichever is first

	fn   func(*store.Tx) (refused bool, err error) // nil for a call of Ingest
	wait chan error                                // buffered; gets the outcome after the commit

	recs []metering.Record
	outs []metering.Outcome
	err  error
	done func([]metering.Outcome, error)
}

// queue holds the work that waits for the workers: closures by lane, and calls of Ingest, which belong to the lane of readings.
type queue struct {
	mu      sync.Mutex
	more    *sync.Cond
	waiting [lanes][]*work
	passed  [lanes]int // how often a better lane went first while this lane had work
	ingests []*work
	ingest  bool // whether a worker is storing records; no other worker may overtake it
	open    int  // number of calls of Ingest that are queued or not answered yet
	closed  bool
}

func (q *queue) init() { q.more = sync.NewCond(&q.mu) }

// put adds a closure at the end of its lane.
func (q *queue) put(lane store.Lane, w *work) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return store.ErrClosed
	case len(q.waiting[lane]) >= maxQueue:
		return store.ErrBusy
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

// take waits for the next piece of work: one closure, or calls of Ingest of one tenant. ok is false if the queue is closed and empty.
func (q *queue) take() (closure *work, records []*work, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
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
		case q.closed && !q.ingest:
			return nil, nil, false
		}
		q.more.Wait()
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
}
