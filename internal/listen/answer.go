package listen

import (
	"container/heap"
	"container/list"
	"io"
	"net/http"
	"time"
)

// This file limits the answers to strangers. An answer that its client does not read holds its page, a compressor and a goroutine. So only
// [Limits.Answers] requests of strangers are answered at a time, and the others wait. While some wait, a stranger that keeps the server
// waiting, because it reads no answer or sends no body, makes room. If too many wait, the one that has got most answers makes room. A trusted
// proxy reads the server's answers, so its requests are not limited.

// patience is how long an answer may wait for its client while other strangers wait for theirs. The crowd looks that often.
const (
	patience  = 250 * time.Millisecond
	lookEvery = 50 * time.Millisecond
)

// answer is a request of a stranger that is answered or waits for that. The crowd's lock guards it.
type answer struct {
	conn    *Conn
	at      int           // place in the queue; -1 if it does not wait
	number  int           // in the order in which requests came
	may     chan struct{} // closed when it no longer waits
	element *list.Element // in the list of answers under way; nil if it is not under way
}

// queue are the requests that wait, as a heap. The connection that got the fewest answers is first, so that a newcomer does not wait
// for those who ask many questions at once.
type queue []*answer

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].conn.answers != q[j].conn.answers {
		return q[i].conn.answers < q[j].conn.answers
	}
	return q[i].number < q[j].number
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push adds a request, for [heap.Interface].
func (q *queue) Push(x any) {
	a := x.(*answer)
	a.at = len(*q)
	*q = append(*q, a)
}

// Pop removes the last request, for [heap.Interface].
func (q *queue) Pop() any {
	old := *q
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	a.at = -1
	return a
}

// Limited wraps the handler of an [http.Server] whose connections come from a crowd, and limits the answers to strangers. The server needs the
// hook [Context].
func Limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(connKey{}).(*Conn)
		if c == nil || c.proxy || !c.stranger.Load() {
			next.ServeHTTP(w, r)
			return
		}
		a := c.crowd.ask(c)
		select {
		case <-a.may:
		case <-r.Context().Done():
		}
		defer c.crowd.answered(a)
		if r.Context().Err() != nil || c.Crowded() {
			panic(http.ErrAbortHandler) // the client has gone
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &body{ReadCloser: r.Body, conn: c}
		}
		next.ServeHTTP(w, r)
	})
}

// body is the body of a stranger's request. It notes how long the server waits for it.
type body struct {
	io.ReadCloser
	conn *Conn
}

func (b *body) Read(p []byte) (int, error) {
	defer b.conn.waits()()
	return b.ReadCloser.Read(p)
}

// Write writes, and notes how long a stranger lets the server wait.
func (c *Conn) Write(p []byte) (int, error) {
	if c.stranger.Load() {
		defer c.waits()()
	}
	return c.Conn.Write(p)
}

// waits notes that the server waits for a client, until the returned function is called.
func (c *Conn) waits() (ended func()) {
	c.since.Store(time.Now().UnixNano())
	return func() { c.since.Store(0) }
}

// ask begins an answer, or lets it wait.
func (w *Crowd) ask(c *Conn) *answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	a := &answer{conn: c, at: -1, number: w.asked, may: make(chan struct{})}
	if !c.stranger.Load() {
		close(a.may)
		return a
	}
	c.answer = a
	heap.Push(&w.waiting, a)
	w.begin()
	for len(w.waiting) > w.limits.Waiting {
		w.end(w.busiest())
	}
	if len(w.waiting) > 0 && !w.looking {
		w.looking = true
		time.AfterFunc(lookEvery, w.look)
	}
	return a
}

// busiest returns the stranger that waits and has got most answers; of several, one of the address with the most strangers. The caller holds mu.
func (w *Crowd) busiest() *Conn {
	most := w.waiting[0].conn
	for _, a := range w.waiting[1:] {
		c := a.conn
		if c.answers > most.answers || c.answers == most.answers && w.from[c.home].Len() > w.from[most.home].Len() {
			most = c
		}
	}
	return most
}

// begin begins answers while there is room. The caller holds mu.
func (w *Crowd) begin() {
	for len(w.waiting) > 0 && w.answering.Len() < w.limits.Answers {
		a := heap.Pop(&w.waiting).(*answer)
		a.conn.answers++
		a.element = w.answering.PushBack(a)
		close(a.may)
	}
}

// answered ends an answer, also one that still waits.
func (w *Crowd) answered(a *answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(a)
}

// drop takes a request out of the queue or out of the answers under way. The caller holds mu.
func (w *Crowd) drop(a *answer) {
	if a.at >= 0 {
		heap.Remove(&w.waiting, a.at)
		close(a.may)
	}
	if a.element != nil {
		w.answering.Remove(a.element)
		a.element = nil
	}
	if a.conn.answer == a {
		a.conn.answer = nil
	}
	w.begin()
}

// look ends the strangers that let their answers wait while others have none.
func (w *Crowd) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now().UnixNano()
	needed := len(w.waiting)
	for e := w.answering.Front(); e != nil && needed > 0; {
		a := e.Value.(*answer)
		e = e.Next()
		since := a.conn.since.Load()
		switch {
		case a.conn.ended.Load(): // its handler is about to return
			needed--
		case since != 0 && now-since >= int64(patience):
			w.end(a.conn)
			needed--
		}
	}
	if w.looking = len(w.waiting) > 0; w.looking {
		time.AfterFunc(lookEvery, w.look)
	}
}
