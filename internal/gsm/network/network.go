// Package network is a small GSM network in memory. A service centre passes short messages between the numbers of emulated modems, virtual
// phones and tests.
//
// It treats messages as a real network does. It always accepts and acknowledges a SUBMIT at once; the outcome comes later, in a
// STATUS-REPORT if the sender asked for one. A message to a terminal that is off or full waits until the terminal is ready or
// the validity ends. A message to a number that never existed is reported undeliverable. Weather loses, duplicates, delays and
// reorders messages by a seed, so that a run can be repeated.
//
// Start with New, run it with Run, and attach a sim900.Modem or a Phone to a number.
package network

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// Limits of the service centre.
const (
	MaxWaiting  = 1000           // messages waiting for one terminal; when one more comes, the oldest is given up
	maxEvents   = 4096           // number of newest events that Events can return
	maxValidity = 48 * time.Hour // time that a message without a validity waits
	retryEvery  = time.Minute    // time after which a waiting message is offered again, if no event wakes it earlier
)

// ErrTaken means that another terminal holds the number.
var ErrTaken = errors.New("number belongs to another terminal")

// Weather sets how the network treats messages. The zero value delivers everything at once, in order.
type Weather struct {
	Loss      float64       // share of messages that vanish, without any report
	Duplicate float64       // share of messages that are delivered twice
	Reorder   float64       // share of messages that are held back for the time Hold as well
	Delay     time.Duration // time from sender to recipient
	Hold      time.Duration // how long a reordered message is held back
}

// Answer is a terminal's answer to a message.
type Answer uint8

// The answers.
const (
	Taken  Answer = iota // the terminal took the message
	Full                 // the terminal's memory is full; Ready is called when there is room
	Absent               // the terminal is off or not registered; Ready is called when it is back
)

// Terminal is a subscriber's equipment. The network calls it from its own goroutine, one message at a time; a call must not
// block.
type Terminal interface {
	Deliver(m pdu.Deliver) Answer
	Report(r pdu.StatusReport) Answer
}

// Network is the service centre. Run must run for anything to be delivered.
type Network struct {
	now  func() time.Time
	wake chan struct{}

	mu       sync.Mutex
	rnd      *rand.Rand
	weather  Weather
	subs     map[string]*subscriber
	queue    queue
	order    uint64 // number of queue entries so far
	messages uint64
	events   *history[Event]
}

type subscriber struct {
	number   pdu.Address
	terminal Terminal // nil while detached
	waiting  []*item
	looked   bool // a check of the waiting messages is in the queue
}

// item is one message or report on its way to a subscriber.
type item struct {
	id      uint64
	to      string
	deliver *pdu.Deliver
	report  *pdu.StatusReport
	from    string
	mr      uint8
	wants   bool // the sender asked for a report
	taken   pdu.Stamp
	expires time.Time
	copyOf  bool // a duplicate, which is never reported
	look    bool // nothing to deliver: check the messages that wait for the subscriber
	due     time.Time
	order   uint64
}

// New returns a network. The parameter now is the service centre's clock (nil: time.Now); its zone is the zone in messages. The parameter
// seed decides which messages the weather affects.
func New(seed uint64, w Weather, now func() time.Time) *Network {
	if now == nil {
		now = time.Now
	}
	return &Network{now: now, wake: make(chan struct{}, 1), rnd: rand.New(rand.NewPCG(seed, 0x6d6f62696c65)), weather: w,
		subs: map[string]*subscriber{}, events: newHistory[Event](maxEvents)}
}

// SetWeather changes the weather for messages submitted from now on.
func (n *Network) SetWeather(w Weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
}

// Attach puts a terminal at a number and offers it the waiting messages. A "+" before the number is optional.
func (n *Network) Attach(number string, t Terminal) error {
	a, err := pdu.ParseAddress(number)
	if err != nil {
		return fmt.Errorf("attach %s: %w", number, err)
	}
	n.mu.Lock()
	s := n.subs[a.Text]
	if s == nil {
		s = &subscriber{number: a}
		n.subs[a.Text] = s
	}
	if s.terminal != nil {
		n.mu.Unlock()
		return fmt.Errorf("attach %s: %w", number, ErrTaken)
	}
	s.terminal = t
	n.mu.Unlock()
	n.Ready(number)
	return nil
}

// Detach removes the terminal of a number; messages for it wait.
func (n *Network) Detach(number string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.find(number); s != nil {
		s.terminal = nil
	}
}

// Ready says that the terminal of a number has room or is back: the waiting messages are offered again, in order.
func (n *Network) Ready(number string) {
	n.mu.Lock()
	if s := n.find(number); s != nil {
		n.offerAgain(s)
	}
	n.mu.Unlock()
	n.nudge()
}

// offerAgain puts a subscriber's waiting messages back into the queue.
func (n *Network) offerAgain(s *subscriber) {
	for _, it := range s.waiting {
		n.push(it, n.now())
	}
	s.waiting = nil
}

func (n *Network) find(number string) *subscriber {
	a, err := pdu.ParseAddress(number)
	if err != nil {
		return nil
	}
	return n.subs[a.Text]
}

// Submit takes a message from a number; it is on its way when Submit returns.
func (n *Network) Submit(from string, s pdu.Submit) error {
	sender, err := pdu.ParseAddress(from)
	if err != nil {
		return fmt.Errorf("submit from %s: %w", from, err)
	}
	now := n.now()
	at, err := pdu.StampOf(now)
	if err != nil {
		return fmt.Errorf("submit from %s: %w", from, err)
	}
	expires, ok := s.Validity.Until(now)
	if !ok || expires.Sub(now) > maxValidity {
		expires = now.Add(maxValidity)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.messages++
	it := &item{id: n.messages, to: s.To.Text, from: sender.Text, mr: s.Reference, wants: s.Report, taken: at, expires: expires,
		deliver: &pdu.Deliver{From: sender, PID: s.PID, At: at, Body: s.Body}}
	n.record(Submitted, it)
	// The draws are independent, so that a change of one share does not change the effects of the other shares.
	lost, twice, held := n.rnd.Float64(), n.rnd.Float64(), n.rnd.Float64()
	delay := n.weather.Delay
	if held < n.weather.Reorder {
		delay += n.weather.Hold
	}
	if twice < n.weather.Duplicate {
		again := *it
		again.copyOf = true
		n.push(&again, now.Add(delay+n.weather.Hold))
	}
	if lost < n.weather.Loss {
		n.record(Lost, it)
	} else {
		n.push(it, now.Add(delay))
	}
	n.nudge()
	return nil
}

func (n *Network) push(it *item, due time.Time) {
	n.order++
	it.due, it.order = due, n.order
	heap.Push(&n.queue, it)
}

func (n *Network) nudge() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends.
func (n *Network) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := n.deliverDue()
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return nil
		case <-n.wake:
		case <-timer.C:
		}
	}
}

// deliverDue delivers the due messages and returns the time until the next delivery.
func (n *Network) deliverDue() time.Duration {
	for {
		n.mu.Lock()
		if len(n.queue) == 0 {
			n.mu.Unlock()
			return retryEvery
		}
		it, now := n.queue[0], n.now()
		if d := it.due.Sub(now); d > 0 {
			n.mu.Unlock()
			return d
		}
		heap.Pop(&n.queue)
		s := n.subs[it.to]
		switch {
		case it.look:
			s.looked = false
			n.offerAgain(s)
			n.mu.Unlock()
		case !now.Before(it.expires):
			n.end(Expired, it, pdu.StatusExpired)
			n.mu.Unlock()
		case s == nil:
			n.end(Undeliverable, it, pdu.StatusNotObtainable)
			n.mu.Unlock()
		default:
			t := s.terminal
			n.mu.Unlock()
			n.settle(s, it, offer(t, it))
		}
	}
}

func offer(t Terminal, it *item) Answer {
	switch {
	case t == nil:
		return Absent
	case it.report != nil:
		return t.Report(*it.report)
	default:
		return t.Deliver(*it.deliver)
	}
}

// settle handles a terminal's answer.
func (n *Network) settle(s *subscriber, it *item, a Answer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case a == Taken && it.report != nil:
		n.record(Reported, it)
	case a == Taken && it.copyOf:
		n.record(Doubled, it)
	case a == Taken:
		n.end(Delivered, it, pdu.StatusDelivered)
	default:
		n.record(Waiting, it)
		if len(s.waiting) == MaxWaiting {
			n.end(Expired, s.waiting[0], pdu.StatusExpired)
			s.waiting = s.waiting[1:]
		}
		s.waiting = append(s.waiting, it)
		if !s.looked { // try again later even if the terminal never reports ready
			s.looked = true
			n.push(&item{to: it.to, look: true}, n.now().Add(retryEvery))
		}
	}
}

// end records the outcome of a message and reports it to the sender, if asked.
func (n *Network) end(k Kind, it *item, st pdu.Status) {
	n.record(k, it)
	if it.report != nil || it.copyOf || !it.wants {
		return
	}
	done, err := pdu.StampOf(n.now())
	if err != nil {
		done = it.taken
	}
	to := pdu.Address{Type: pdu.International, Plan: 1, Text: it.to}
	if s := n.subs[it.to]; s != nil {
		to = s.number
	}
	now := n.now()
	n.push(&item{id: it.id, to: it.from, from: it.to, expires: now.Add(maxValidity),
		report: &pdu.StatusReport{Reference: it.mr, To: to, At: it.taken, Done: done, Status: st}}, now.Add(n.weather.Delay))
}

// queue is a heap by due time, then by order of arrival.
type queue []*item

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].order < q[j].order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push and Pop implement heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(*item)) }

// Pop takes the last element.
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}
