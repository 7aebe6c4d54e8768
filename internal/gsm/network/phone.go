package network

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// maxPhone is the number of messages and reports that a phone remembers; the oldest are dropped first.
const maxPhone = 1000

// Phone is a person's telephone on the network: it sends texts, stores the messages that it gets, and is never full.
type Phone struct {
	net    *Network
	number string

	got *history[Message]

	mu    sync.Mutex
	parts pdu.Assembler
	slot  int
	mr    uint8
	ref   uint8
}

// Message is something a phone got.
type Message struct {
	N      uint64    `json:"n"` // from 1, without gaps
	From   string    `json:"from"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`               // the service centre's time, in whole seconds
	Got    time.Time `json:"got"`              // when the phone got it
	Report string    `json:"report,omitempty"` // only in a delivery report: the outcome of the message that was sent to From
}

// Phone attaches a phone to a number.
func (n *Network) Phone(number string) (*Phone, error) {
	p := &Phone{net: n, number: number, got: newHistory[Message](maxPhone)}
	if err := n.Attach(number, p); err != nil {
		return nil, err
	}
	return p, nil
}

// Send sends a text, in as many parts as it needs, with a request for a delivery report.
func (p *Phone) Send(to, text string) error {
	a, err := pdu.ParseAddress(to)
	if err != nil {
		return fmt.Errorf("phone %s: %w", p.number, err)
	}
	p.mu.Lock()
	p.ref++
	ref := p.ref
	p.mu.Unlock()
	bodies, err := pdu.Compose(text, uint16(ref))
	if err != nil {
		return fmt.Errorf("phone %s: %w", p.number, err)
	}
	for _, b := range bodies {
		p.mu.Lock()
		p.mr++
		mr := p.mr
		p.mu.Unlock()
		if err := p.net.Submit(p.number, pdu.Submit{Report: true, Reference: mr, To: a, Body: b}); err != nil {
			return err
		}
	}
	return nil
}

// Deliver implements Terminal.
func (p *Phone) Deliver(d pdu.Deliver) Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slot++
	w, ok := p.parts.Add(pdu.Part{Slot: p.slot, Deliver: d}, p.net.now())
	if ok {
		p.keep(Message{From: w.From.String(), Text: w.Text, At: stampTime(w.At)})
	}
	for _, w := range p.parts.Expired(p.net.now(), false) {
		p.keep(Message{From: w.From.String(), Text: w.Text, At: stampTime(w.At)})
	}
	return Taken
}

// Report implements Terminal.
func (p *Phone) Report(r pdu.StatusReport) Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(Message{From: r.To.String(), At: stampTime(r.Done), Report: r.Status.String()})
	return Taken
}

func stampTime(s pdu.Stamp) time.Time {
	t, _ := s.Time() // the network writes only valid times
	return t
}

func (p *Phone) keep(m Message) {
	m.Got = p.net.now()
	p.got.add(func(n uint64) Message { m.N = n; return m })
}

// Messages returns the messages and reports after number n that the phone still remembers.
func (p *Phone) Messages(after uint64) []Message {
	out, _ := p.got.since(after)
	return out
}

// Wait waits for messages or reports after a number; it returns nothing if ctx ends first.
func (p *Phone) Wait(ctx context.Context, after uint64) []Message { return p.got.wait(ctx, after) }
