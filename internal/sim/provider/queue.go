package provider

import (
	"bytes"
	"container/heap"
	"context"
	"io"
	"net/http"
	"time"
)

// step is something that happens at a time: a callback that is sent, or a change that needs no network.
type step struct {
	at   time.Time
	n    uint64 // order of steps with the same time
	send *callback
	act  func(now time.Time) // runs under the lock
}

// queue is a heap of steps, the earliest first.
type queue []step

// Len implements [heap.Interface].
func (q queue) Len() int { return len(q) }

// Less implements [heap.Interface].
func (q queue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].n < q[j].n
}

// Swap implements [heap.Interface].
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements [heap.Interface].
func (q *queue) Push(x any) { *q = append(*q, x.(step)) }

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	last := len(*q) - 1
	st := (*q)[last]
	(*q)[last] = step{}
	*q = (*q)[:last]
	return st
}

// push adds a step. The caller holds mu.
func (s *Simulator) push(st step) {
	s.steps++
	st.n = s.steps
	heap.Push(&s.queue, st)
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// after lets something happen later. The caller holds mu.
func (s *Simulator) after(d time.Duration, act func(now time.Time)) {
	s.push(step{at: s.now().Add(d), act: act})
}

// idleWait is how long Run waits if nothing tells it when the next step is due.
const idleWait = time.Hour

// next takes the earliest step that is due. If there is none, it returns how long to wait for it.
func (s *Simulator) next() (step, time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return step{}, idleWait, false
	}
	if wait := s.queue[0].at.Sub(s.now()); wait > 0 {
		if s.cfg.Manual {
			wait = idleWait
		}
		return step{}, wait, false
	}
	s.inFlight++
	return heap.Pop(&s.queue).(step), 0, true
}

// nextUntil takes the earliest step that is due by a time, and sets the clock to its time. If there is none, the clock is at
// least the given time afterwards.
func (s *Simulator) nextUntil(target time.Time) (step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := target
	found := len(s.queue) > 0 && !s.queue[0].at.After(target)
	if found {
		at = s.queue[0].at
	}
	if d := at.Sub(s.now()); d > 0 {
		s.offset += d
	}
	if !found {
		return step{}, false
	}
	s.inFlight++
	return heap.Pop(&s.queue).(step), true
}

// finished ends what next began.
func (s *Simulator) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight--; s.inFlight == 0 {
		s.idle.Broadcast()
	}
}

// perform does a step.
func (s *Simulator) perform(ctx context.Context, st step) {
	defer s.finished()
	if st.act != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		st.act(s.now())
		return
	}
	s.deliver(ctx, st.send)
}

// reply is what the merchant answered to a callback.
type reply struct {
	status int // 0 if there was no answer
	body   []byte
	err    error
}

// deliver sends a callback once, and lets the core decide what follows from the answer.
func (s *Simulator) deliver(ctx context.Context, c *callback) {
	s.mu.Lock()
	now := s.now()
	if d := s.services[c.provider]; now.Before(d.down.until) {
		s.push(step{at: d.down.until, send: c})
		s.mu.Unlock()
		return
	}
	if c.local != nil {
		c.local(now, c.body)
		s.answered(now, c, reply{status: http.StatusOK})
		s.mu.Unlock()
		return
	}
	head := http.Header{}
	if c.sign != nil {
		head = c.sign(c.body, now)
	}
	s.mu.Unlock()
	r := s.post(ctx, c, head)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered(s.now(), c, r)
}

// post sends a callback and reads the answer.
func (s *Simulator) post(ctx context.Context, c *callback, head http.Header) reply {
	if c.wait > 0 {
		limited, cancel := context.WithTimeout(ctx, c.wait)
		defer cancel()
		ctx = limited
	}
	req, err := http.NewRequestWithContext(ctx, c.method, c.url, bytes.NewReader(c.body))
	if err != nil {
		return reply{err: err}
	}
	req.Header = head
	if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return reply{status: resp.StatusCode, body: body, err: err}
}
