package network

import (
	"context"
	"time"
)

// Kind is the kind of an event.
type Kind string

// The kinds of event.
const (
	Submitted     Kind = "submitted"
	Lost          Kind = "lost" // the weather dropped the message; its sender is not informed
	Delivered     Kind = "delivered"
	Doubled       Kind = "doubled" // the weather delivered the message again
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
	Text    string    `json:"text,omitempty"` // only in a Submitted event
}

// record notes an event; the caller holds the lock.
func (n *Network) record(k Kind, it *item) {
	e := Event{At: n.now(), Kind: k, Message: it.id, From: it.from, To: it.to}
	if k == Submitted {
		e.Text = it.deliver.Body.Text()
	}
	n.events.add(func(n uint64) Event { e.N = n; return e })
}

// Events returns the events after number n that are still remembered.
func (n *Network) Events(after uint64) []Event {
	out, _ := n.events.since(after)
	return out
}

// WaitEvents waits for events after a number; it returns no events if ctx ends first.
func (n *Network) WaitEvents(ctx context.Context, after uint64) []Event {
	return n.events.wait(ctx, after)
}
