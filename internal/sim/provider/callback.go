package provider

import (
	"net/http"
	"strings"
	"time"
)

// callback is a message to the merchant.
type callback struct {
	provider    Provider
	kind        string // such as "confirmation" or the name of a Stripe event
	payment     string // receipt, or the request if there is none
	method, url string
	amount      int64
	body        []byte
	build       func(amount int64) []byte                    // the body for an amount; nil if body is given
	sign        func(body []byte, now time.Time) http.Header // nil if it is not signed
	retry       []time.Duration                              // before each further try, after an answer other than 2xx
	local       func(now time.Time, body []byte)             // instead of a request: the text reaches a telephone
	done        func(now time.Time, r reply)                 // what follows from the answer; nil is nothing
	wait        time.Duration                                // for the answer; 0 is as long as the client waits
	only200     bool                                         // no other status counts as an answer
	attempt     int
	fault       string
}

// maxAnswer is how much of a merchant's answer is remembered.
const maxAnswer = 500

// Delivery is one attempt to tell the merchant something, or a callback that a fault lost.
type Delivery struct {
	N        int       `json:"n"`
	At       time.Time `json:"at"`
	Provider Provider  `json:"provider"`
	Kind     string    `json:"kind"`
	Payment  string    `json:"payment,omitempty"`
	URL      string    `json:"url"`
	Attempt  int       `json:"attempt"` // 1 is the first
	Status   int       `json:"status"`  // 0: no answer, or lost
	Error    string    `json:"error,omitempty"`
	Fault    string    `json:"fault,omitempty"` // what was wrong on purpose, such as "repeat delay"
	Body     string    `json:"body"`
	Answer   string    `json:"answer,omitempty"` // the beginning of the merchant's answer
}

// Callbacks returns the remembered deliveries with a number above n, oldest first.
func (s *Simulator) Callbacks(n int) []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Delivery
	for _, d := range s.log {
		if d.N > n {
			out = append(out, d)
		}
	}
	return out
}

// Stats returns the counts of every provider.
func (s *Simulator) Stats() map[Provider]Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[Provider]Stats{}
	for p, st := range s.stats {
		out[p] = *st
	}
	return out
}

// tell schedules a callback with the faults that the seed gives it. It does nothing without an address. The caller holds mu.
func (s *Simulator) tell(c callback) {
	if c.url == "" {
		return
	}
	if c.method == "" {
		c.method = http.MethodPost
	}
	if len(s.queue) >= maxQueue {
		c.fault = "queue full"
		s.record(s.now(), &c, reply{})
		return
	}
	d, st := s.services[c.provider], s.stats[c.provider]
	r := s.dice.roll("callback", string(c.provider), c.kind, c.payment)
	p := d.faults.plan(r)
	if c.build != nil {
		amount := c.amount
		if p.altered && len(p.sends) > 0 {
			amount = altered(amount, r)
			st.Altered++
		} else {
			p.altered = false
		}
		c.body = c.build(amount)
	} else {
		p.altered = false
	}
	c.fault = p.name()
	st.count(p)
	if p.lost {
		s.record(s.now(), &c, reply{})
	}
	for _, wait := range p.sends {
		again := c
		s.push(step{at: s.now().Add(wait), send: &again})
	}
	if p.forged {
		s.forge(c.provider, "")
	}
}

// count adds the faults of a callback.
func (st *Stats) count(p plan) {
	for _, f := range []struct {
		is bool
		n  *int
	}{{p.lost, &st.Lost}, {p.delayed, &st.Delayed}, {p.reordered, &st.Reordered}, {len(p.sends) > 1, &st.Repeated}} {
		if f.is {
			*f.n++
		}
	}
}

// name names the faults of a plan.
func (p plan) name() string {
	var names []string
	for _, f := range []struct {
		is   bool
		name string
	}{{p.lost, "lose"}, {p.altered, "alter"}, {p.delayed, "delay"}, {p.reordered, "reorder"}, {len(p.sends) > 1, "repeat"}} {
		if f.is {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, " ")
}

// answered records an attempt and decides what follows. The caller holds mu.
func (s *Simulator) answered(now time.Time, c *callback, r reply) {
	s.record(now, c, r)
	ok := r.status/100 == 2 && (!c.only200 || r.status == http.StatusOK)
	st := s.stats[c.provider]
	st.Sent++
	if ok {
		st.Accepted++
	}
	if c.done != nil {
		c.done(now, r)
	}
	if ok || c.attempt >= len(c.retry) || r.status == http.StatusGone {
		return
	}
	again := *c
	again.attempt++
	s.push(step{at: now.Add(c.retry[c.attempt]), send: &again})
}

// record remembers an attempt. The caller holds mu.
func (s *Simulator) record(now time.Time, c *callback, r reply) {
	s.logged++
	d := Delivery{N: s.logged, At: now, Provider: c.provider, Kind: c.kind, Payment: c.payment, URL: c.url, Attempt: c.attempt + 1,
		Status: r.status, Fault: c.fault, Body: string(c.body), Answer: string(r.body[:min(len(r.body), maxAnswer)])}
	if r.err != nil {
		d.Error = r.err.Error()
	}
	if len(s.log) >= maxLog {
		s.log = append(s.log[:0], s.log[maxLog/10:]...)
	}
	s.log = append(s.log, d)
}

// every returns n equal durations.
func every(d time.Duration, n int) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = d
	}
	return out
}
