package sqlite

import (
	"sync"
	"sync/atomic"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

// lanes is the number of lanes: store.Sale, store.Reading, store.Job.
const lanes = int(store.Job) + 1

// work is one closure, or one call of Ingest, on its way to the writer.
type work struct {
	lane   store.Lane
	tenant access.Tenant
	taken  atomic.Bool // set by the writer when it takes the work, or by a caller that gives up, whichever is first

	fn   func(*store.Tx) (refused bool, err error) // nil for a call of Ingest
	err  error                                     // the outcome for the caller
	wait chan error                                // buffered; gets err after the commit

	recs []metering.Record
	outs []metering.Outcome
	done func([]metering.Outcome, error)
}

// size returns how much the work counts in a batch.
func (w *work) size() int { return max(1, len(w.recs)) }

// queue holds the work that waits for the writer, by lane.
type queue struct {
	mu      sync.Mutex
	waiting [lanes][]*work
	ingests int           // number of calls of Ingest that are queued or not answered yet
	closed  bool          // whether the queue takes no more work
	bell    chan struct{} // gets a value when work comes in or the queue is closed
}

func (q *queue) init() { q.bell = make(chan struct{}, 1) }

func (q *queue) ring() {
	select {
	case q.bell <- struct{}{}:
	default:
	}
}

// put adds work at the end of its lane.
func (q *queue) put(w *work) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return store.ErrClosed
	}
	if w.fn == nil {
		if q.ingests >= maxIngest {
			return store.ErrBusy
		}
		q.ingests++
	} else if len(q.waiting[w.lane]) >= maxQueue {
		return store.ErrBusy
	}
	q.waiting[w.lane] = append(q.waiting[w.lane], w)
	q.ring()
	return nil
}

// answered lowers the number of unanswered calls of Ingest by one.
func (q *queue) answered() {
	q.mu.Lock()
	q.ingests--
	q.mu.Unlock()
}

// take moves work out of the lanes, in their order, up to maxBatch. It reports whether the queue is closed and was empty.
func (q *queue) take(into *[lanes][]*work) (ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	room := maxBatch
	for l := range q.waiting {
		into[l] = into[l][:0]
		room = q.move(l, &into[l], room)
		if len(q.waiting[l]) > 0 || q.closed {
			q.ring() // the writer must come back for more work, or to end
		}
	}
	return q.closed && len(into[0])+len(into[1])+len(into[2]) == 0
}

// more adds the waiting work of a lane to a batch and reports whether there was any.
func (q *queue) more(l store.Lane, into *[lanes][]*work, room int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	had := len(into[l])
	q.move(int(l), &into[l], room)
	return len(into[l]) > had
}

// move takes work from the front of a lane while there is room, and returns the room left.
func (q *queue) move(l int, into *[]*work, room int) int {
	n := 0
	for n < len(q.waiting[l]) && room > 0 {
		w := q.waiting[l][n]
		n++
		if w.taken.Swap(true) {
			continue // the caller has given up
		}
		room -= w.size()
		*into = append(*into, w)
	}
	rest := copy(q.waiting[l], q.waiting[l][n:])
	clear(q.waiting[l][rest:])
	q.waiting[l] = q.waiting[l][:rest]
	return room
}

// back returns work that did not fit into a batch to the front of its lane.
func (q *queue) back(l int, ws []*work) {
	if len(ws) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range ws {
		w.taken.Store(false)
	}
	q.waiting[l] = append(append(make([]*work, 0, len(ws)+len(q.waiting[l])), ws...), q.waiting[l]...)
	q.ring()
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.ring()
}
