package smpp

import (
	"context"
	"time"
)

// receiptWait is the longest that a receipt waits for answers that are under way. It is less than what a centre waits for
// the answer to the receipt itself.
const receiptWait = 5 * time.Second

// flights are the submissions that have no answer yet, numbered as they begin. A Client locks them.
type flights struct {
	last  uint64
	open  map[uint64]struct{} // at most as many as the window is wide
	ended chan struct{}       // closed when one ends
}

// submitting notes that a submission begins; the function that it gives, that it has ended.
func (c *Client) submitting() (ended func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &c.flights
	if f.open == nil {
		f.open, f.ended = map[uint64]struct{}{}, make(chan struct{})
	}
	f.last++
	n := f.last
	f.open[n] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(f.open, n)
		close(f.ended)
		f.ended = make(chan struct{})
	}
}

// before reports whether a submission that began at or before the numbered one has no answer yet, and gives what tells
// of the next end.
func (f *flights) before(last uint64) (ended <-chan struct{}, yes bool) {
	for n := range f.open {
		if n <= last {
			return f.ended, true
		}
	}
	return nil, false
}

// settle waits with a receipt whose message is not known, as long as a submission that was under way when it came has no
// answer: on a connection of its own a receipt overtakes the answer that names the message. Those that begin later
// are not waited for, so that receipts of an earlier life of the server are not held up by a busy route.
func (c *Client) settle(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, receiptWait)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	for last := c.flights.last; ; {
		ended, open := c.flights.before(last)
		if m, _, _ := c.sent.find(id); m != nil || !open {
			return
		}
		c.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
		}
		c.mu.Lock()
		if ctx.Err() != nil {
			return
		}
	}
}
