package smpp

import (
	"context"
	"time"
)

// receiptWait is the longest that a receipt waits for outstanding answers. It is shorter than the time for which
// a centre waits for the answer to the receipt.
const receiptWait = 5 * time.Second

// flights holds the submissions that have no answer yet, numbered in their order. A Client locks it.
type flights struct {
	last  uint64
	open  map[uint64]struct{} // outstanding submissions, at most Window
	ended chan struct{}       // closed when a submission ends
}

// submitting records the start of a submission; the returned function records its end.
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

// before reports whether a submission up to the given number has no answer yet. It returns the channel that closes when the next submission
// ends.
func (f *flights) before(last uint64) (ended <-chan struct{}, yes bool) {
	for n := range f.open {
		if n <= last {
			return f.ended, true
		}
	}
	return nil, false
}

// settle delays a receipt for an unknown message. On a separate connection a receipt can overtake the answer that carries the message_id.
// So settle waits for the answers to the submissions that are outstanding when the receipt comes, at most for receiptWait. It does not wait
// for later submissions. Otherwise a busy route would delay receipts for messages from before a restart.
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
