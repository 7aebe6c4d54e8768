package smpp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
)

// Send submits a message, part after part, and waits for the answers. If the centre does not take one of the parts, the message
// counts as not sent. Telephones do not show an incomplete message. If it is sent again, they join it from the new parts.
func (c *Client) Send(ctx context.Context, m notify.Outgoing) notify.Sent {
	to, err := pdu.ParseAddress(m.To)
	if err != nil || to.Type == pdu.Alphanumeric {
		return notify.Sent{Outcome: notify.Refused, Why: "the recipient is not a telephone number"}
	}
	c.mu.Lock()
	c.ref++
	ref := c.ref
	c.mu.Unlock()
	pieces, err := c.cfg.compose(m.Text, ref)
	if err != nil {
		return notify.Sent{Outcome: notify.Refused, Why: err.Error()}
	}
	known := &message{id: m.ID, to: m.To, parts: make([]bool, len(pieces)), refs: make([]string, len(pieces)), at: c.cfg.Now()}
	out := notify.Sent{Parts: pdu.Measure(m.Text).Parts}
	for i, p := range pieces {
		body, err := c.submission(m, to, p).Encode()
		if err != nil {
			return notify.Sent{Outcome: notify.Refused, Why: err.Error()}
		}
		x := c.part(ctx, body, &awaited{known, i})
		out.Outcome, out.Why, out.Closed = x.outcome, x.why, x.closed
		if out.Outcome != notify.Accepted {
			if len(pieces) > 1 {
				out.Why = fmt.Sprintf("part %d of %d: %s", i+1, len(pieces), out.Why)
			}
			return out
		}
		out.Reference = x.ref
	}
	return out
}

// submission is the submit_sm for one piece.
func (c *Client) submission(m notify.Outgoing, to pdu.Address, p piece) Message {
	out := Message{From: c.source, To: addressOf(to), Class: p.class, Coding: p.coding, Short: p.data, Validity: validity(m.Validity)}
	if m.Report {
		out.Registered = reportWanted
	}
	if p.payload {
		out.Short, out.Options = nil, []Option{{TagMessagePayload, p.data}}
	}
	return out
}

// result is the outcome of one part.
type result struct {
	outcome notify.Outcome
	ref     string
	why     string
	closed  bool
}

// part submits one part. If the centre throttles, it tries again, because a throttling centre has not taken the message.
func (c *Client) part(ctx context.Context, body []byte, sent *awaited) result {
	select {
	case c.window <- struct{}{}:
		defer func() { <-c.window }()
	case <-ctx.Done():
		return result{outcome: notify.NotSent, why: "the waiting time ran out: too many messages are waiting for the centre's answer"}
	}
	for try := 1; ; try++ {
		if !c.patient(ctx) {
			return result{outcome: notify.NotSent, why: "the waiting time ran out"}
		}
		s, why := c.bound(ctx)
		if s == nil {
			return result{outcome: notify.NotSent, why: why, closed: true}
		}
		ended := c.submitting()
		answer, err := s.request(ctx, SubmitSM, body, sent)
		ended()
		switch {
		case errors.Is(err, errEnded): // the connection ended before the first octet was written
			continue
		case err != nil:
			c.cfg.Log.Warn("outcome of a message unknown", logkey.Reason, err.Error())
			return result{outcome: notify.Unknown, why: err.Error()}
		case answer.Status == StatusOK:
			c.throttle(false)
			id, err := DecodeText(answer.Body)
			if err != nil {
				return result{outcome: notify.Accepted, why: ""} // the centre has the message; only its receipts cannot be matched
			}
			return result{outcome: notify.Accepted, ref: c.cfg.MessageIDs.ofAnswer(id)}
		case answer.Status.throttled():
			c.throttle(true)
			if try < maxThrottled {
				continue
			}
		}
		return result{outcome: answer.Status.outcome(), why: "the centre answered " + answer.Status.String(), closed: answer.Status == StatusNotBound}
	}
}

// bound waits for a bound connection and returns it, or returns why there is none.
func (c *Client) bound(ctx context.Context) (s *session, why string) {
	ctx, cancel := context.WithTimeout(ctx, bindWait)
	defer cancel()
	for {
		c.mu.Lock()
		s, changed, problem := c.tx, c.changed, c.problem
		c.mu.Unlock()
		if s != nil && s.alive() {
			return s, ""
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, "no connection to the centre: " + cmp.Or(problem, "it has not answered yet")
		}
	}
}

// throttle records whether the centre throttles. While it throttles, all messages wait, twice as long each time.
func (c *Client) throttle(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !yes {
		c.pause = 0
		return
	}
	c.pause = min(max(2*c.pause, firstThrottle), lastThrottle)
	c.rest = c.cfg.Now().Add(c.pause)
}

// patient waits while the centre throttles; it returns false if ctx ends first.
func (c *Client) patient(ctx context.Context) bool {
	c.mu.Lock()
	rest := c.rest.Sub(c.cfg.Now())
	c.mu.Unlock()
	if rest <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(rest):
		return true
	case <-ctx.Done():
		return false
	}
}
