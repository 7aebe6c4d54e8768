package network

import (
	"context"
	"time"
)

// Kind is what happened to a message.
type Kind string

// The kinds of event.
const (
	Submitted     Kind = "submitted"
	Lost          Kind = "lost" // the weather took it; its sender learns nothing
	Delivered     Kind = "delivered"
	Doubled       Kind = "doubled" // the weather delivered it once more
	Waiting       Kind = "waiting" // its recipient is off or full
	Undeliverable Kind = "undeliverable"
	Expired       Kind = "expired"
	Reported      Kind = "reported" // its sender has the delivery report
)

// Event is something that happened on the bus.
type Event struct {
	N       uint64    `json:"n"` // from 1, without gaps
	At      time.Time `json:"at"`
	Kind    Kind      `json:"kind"`
	Message uint64    `json:"message"` // the same for all events of one message
	From    string    `json:"from"`    // sender of the message; of a report, the number that the report is about
	To      string    `json:"to"`
	Text    string    `json:"text,omitempty"` // only in the event that a message was submitted
}

// record notes an event; the caller holds the lock.
func (n *Network) record(k Kind, it *item) {
	n.eventN++
	e := Event{N: n.eventN, At: n.now(), Kind: k, Message: it.id, From: it.from, To: it.to}
	if k == Submitted {
		e.Text = it.deliver.Body.Text()
	}
	if len(n.events) == maxEvents {
		n.events = append(n.events[:0:0], n.events[maxEvents/2:]...)
	}
	n.events = append(n.events, e)
	close(n.changed)
	n.changed = make(chan struct{})
}

// Events are the events after number n that are still remembered.
func (n *Network) Events(after uint64) []Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.since(after)
}

func (n *Network) since(after uint64) []Event {
	var out []Event
	for _, e := range n.events {
		if e.N > after {
			out = append(out, e)
		}
	}
	return out
}

// WaitEvents waits for events after a number; none when ctx ends.
func (n *Network) WaitEvents(ctx context.Context, after uint64) []Event {
	for {
		n.mu.Lock()
		out, changed := n.since(after), n.changed
		n.mu.Unlock()
		if len(out) > 0 {
			return out
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
