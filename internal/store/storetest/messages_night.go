package storetest

// A telephone that is off for a night: what the server queues for it meanwhile, and what it gets when it is on again. The test plays three
// manners of routes: how each of them says that a telephone cannot be reached, and how it reports that a text has arrived.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/sts"
)

// manner is how a route speaks about the messages that it takes.
type manner struct {
	name    string
	refuses bool // the route itself says that the telephone cannot be reached; otherwise a report says it later
	byName  bool // reports name the message; otherwise they name the route's own reference
}

// manners are those of the routes that Paywatt has: Kannel and gateways by HTTP, SMPP, and modems.
func manners() []manner {
	return []manner{{name: "kannel", byName: true}, {name: "smpp"}, {name: "modem", refuses: true}}
}

// Times of the network in the test.
const (
	deliverTime = time.Second     // from the route to the telephone
	giveUpTime  = 2 * time.Minute // until the network says that the telephone is off
)

// telephone is a customer's telephone behind a route.
type telephone struct {
	*talk
	manner
	meter   walletMeter
	on      bool
	got     []string // messages that it got
	gotAt   []time.Time
	reports []lateReport
	tokens  int
}

// lateReport is a report that the network gives at a time.
type lateReport struct {
	notify.Report
	due time.Time
}

// newTelephone makes a telephone, a dispatcher whose only route leads to it, and a wallet meter of its owner. The telephone is off.
func newTelephone(t *testing.T, r Rig, m manner) *telephone {
	t.Helper()
	e, route := r.Open(t), &scripted{name: "a"}
	h := &telephone{manner: m, meter: addWalletMeter(t, e, 71, 0)}
	subscriber(t, e, h.meter, someone)
	h.talk = talking(t, e, "one", route)
	route.answer = h.send
	return h
}

// send takes a message for the telephone as the route would.
func (h *telephone) send(m notify.Outgoing) notify.Sent {
	if m.To != someone {
		return notify.Sent{Outcome: notify.Accepted, Parts: 1}
	}
	if h.refuses && !h.on {
		return notify.Sent{Outcome: notify.NotSent, Why: "+CMS ERROR: 41"}
	}
	s := notify.Sent{Outcome: notify.Accepted, Parts: 1, Reference: fmt.Sprint(len(h.routes[0].sent))}
	report := lateReport{notify.Report{Route: "a", To: m.To, State: notify.Delivered}, h.now.Add(deliverTime)}
	if report.Reference = s.Reference; h.byName {
		report.ID, report.Reference = m.ID, ""
	}
	if h.on {
		h.got = append(h.got, m.ID)
		h.gotAt = append(h.gotAt, h.now.Add(deliverTime))
	} else {
		report.State, report.Why, report.due = notify.Failed, "absent subscriber", h.now.Add(giveUpTime)
	}
	h.reports = append(h.reports, report)
	return s
}

// wait lets the time pass in the given steps. In each step the network reports what is due, and then the dispatcher serves.
func (h *telephone) wait(d, step time.Duration) {
	h.t.Helper()
	for end := h.now.Add(d); h.now.Before(end); {
		h.now = h.now.Add(step)
		var late []lateReport
		reports := h.reports
		h.reports = nil
		for _, r := range reports {
			if r.due.After(h.now) {
				late = append(late, r)
				continue
			}
			if err := h.dispatcher.Inbox(store.FirstTenant).Report(h.t.Context(), r.Report); err != nil {
				h.t.Fatal(err)
			}
		}
		h.reports = append(h.reports, late...)
		h.serve()
	}
}

// about returns a draft of a message to the telephone about its meter.
func (h *telephone) about(p notify.Purpose, a notify.Args) notify.Draft {
	a.Meter, a.Account = h.meter.Number, h.meter.account.Text(id.Account)
	return notify.Draft{Purpose: p, Phone: someone, Meter: h.meter.N, Number: h.meter.Number, Args: a}
}

// notice queues a message about the meter.
func (h *telephone) notice(p notify.Purpose) notify.Message {
	return h.queue(h.about(p, notify.Args{Currency: "KES", Amount: 10_000, At: h.now}))
}

// paid queues the message of a token that was just paid for.
func (h *telephone) paid() notify.Message {
	h.t.Helper()
	return h.queue(h.token(notify.PurposeTokenFree, notify.Args{}))
}

// token makes a token for the meter, and returns the draft of a message that brings it.
func (h *telephone) token(p notify.Purpose, a notify.Args) notify.Draft {
	h.t.Helper()
	h.tokens++
	digits := fmt.Sprintf("1111%016d", h.tokens)
	g := recharge.ExternalToken{HasTID: true, By: "tester", Token: sale.Token{Meter: h.meter.N, State: sale.TokenIssued, IssuedAt: h.now, TID: sts.TID(h.tokens),
		Units: 10_000, Sealed: []byte(digits), Hash: []byte(digits)}}
	must(h.t, h.e, func(tx *store.Tx) (err error) {
		if g.ID, err = tx.NewID(); err == nil {
			err = tx.AddExternalToken(g)
		}
		return err
	})
	d := h.about(p, a)
	d.Token, d.Args.Units = g.ID, 10_000
	return d
}

// arrived returns the order in which the telephone got a message, from 1, and when; 0 if it has not got it.
func (h *telephone) arrived(m notify.Message) (int, time.Time) {
	h.t.Helper()
	if i := slices.Index(h.got, m.ID.Text(id.Message)); i >= 0 {
		return i + 1, h.gotAt[i]
	}
	return 0, time.Time{}
}

// within fails unless the telephone got the message at most five seconds after a moment.
func (h *telephone) within(what string, m notify.Message, since time.Time) {
	h.t.Helper()
	if n, at := h.arrived(m); n == 0 || at.Sub(since) > 5*time.Second {
		got := h.read(m.ID)
		h.t.Errorf("%s, by %s: %s after %d tries (%s), next at %s; want it at the telephone within 5 s of %s", what, h.name, got.State, got.Tries, got.Failure,
			got.NextAt.Format(time.TimeOnly), since.Format(time.TimeOnly))
	}
}

// telephoneOff is a telephone that is off for a night. A token that is paid after its return arrives within five seconds. What was paid
// before arrives within five seconds of the first report or message from the telephone, before everything else. Of the notices about a
// state only the last arrives.
func telephoneOff(t *testing.T, r Rig) {
	for _, m := range manners() {
		for _, first := range []string{"a token is paid", "the customer writes", "nothing"} {
			h := newTelephone(t, r, m)
			h.now = time.Date(2026, 11, 20, 19, 0, 0, 0, time.UTC)
			night := h.fill()
			h.on = true
			if first == "nothing" {
				h.wantNextTry(night)
				continue
			}
			h.wait(90*time.Second, 30*time.Second)
			back := h.now
			if first == "a token is paid" {
				late := h.paid()
				h.serve()
				h.wait(5*time.Second, time.Second)
				h.within("a token that was paid after the night", late, back)
				_, back = h.arrived(late) // the report of this text says that the telephone is on
			} else {
				h.receive(someone, "HELP")
				h.wait(time.Second, time.Second)
			}
			h.wait(5*time.Second, time.Second)
			for what, m := range night.urgent {
				h.within(what+", after "+first, m, back)
			}
			h.wait(3*time.Hour, 5*time.Minute)
			h.wantOrder(first, night)
		}
	}
}

// wantNextTry fails unless each urgent message arrives within five seconds of its own next try, if nothing is heard of the telephone before.
func (h *telephone) wantNextTry(n night) {
	h.t.Helper()
	for what, m := range n.urgent {
		next := h.read(m.ID).NextAt
		if limit := h.now.Add(2 * time.Hour); next.After(limit) {
			h.t.Errorf("%s, by %s: its next try is at %s, later than the longest pause", what, h.name, next.Format(time.TimeOnly))
		}
		h.now = next
		h.serve()
		h.wait(5*time.Second, time.Second)
		h.within(what+", after nothing", m, next)
	}
}

// night is what was queued while the telephone was off.
type night struct {
	urgent   map[string]notify.Message
	steps    []notify.Message // of one set of tokens, in their order
	money    []notify.Message
	last     notify.Message   // the notice about the present state of the supply
	outdated []notify.Message // notices about earlier states
	other    notify.Message
}

// fill queues what a night may bring: warnings, receipts, cut-offs and their ends, texts of the office, and tokens.
func (h *telephone) fill() (n night) {
	h.t.Helper()
	h.outdatedNotice(&n, notify.PurposeLow1)
	n.other = h.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: someone, Text: "Our office is closed today."})
	h.wait(time.Hour, 5*time.Minute)
	h.outdatedNotice(&n, notify.PurposeCutOff)
	h.wait(30*time.Minute, 5*time.Minute)
	n.money = append(n.money, h.notice(notify.PurposePaymentBack))
	n.urgent = map[string]notify.Message{"a token that was paid at night": h.paid()}
	h.outdatedNotice(&n, notify.PurposeRestored)
	h.wait(2*time.Hour, 5*time.Minute)
	var vend id.ID
	must(h.t, h.e, func(tx *store.Tx) (err error) { vend, err = tx.NewID(); return err })
	var steps []notify.Draft
	for i, p := range []notify.Purpose{notify.PurposeKeyChange, notify.PurposeKeyChange, notify.PurposeTokenStep} {
		d := h.token(p, notify.Args{Step: i + 1, Of: 3, Amount: 10_000, Currency: "KES"})
		d.Vend = vend
		steps = append(steps, d)
	}
	n.steps = h.queueAll(steps)
	h.wait(4*time.Hour, 5*time.Minute)
	h.outdatedNotice(&n, notify.PurposeCutOff)
	h.wait(3*time.Minute, time.Minute)
	n.last = h.notice(notify.PurposeRestored)
	h.wait(90*time.Minute, 5*time.Minute)
	if len(h.got) > 0 {
		h.t.Fatalf("a telephone that is off got %q", h.got)
	}
	return n
}

func (h *telephone) outdatedNotice(n *night, p notify.Purpose) {
	h.t.Helper()
	n.outdated = append(n.outdated, h.notice(p))
	h.serve()
}

// wantOrder fails unless the telephone got each message of the night once, what matters first, and no state that had changed.
func (h *telephone) wantOrder(first string, n night) {
	h.t.Helper()
	place := func(m notify.Message) int {
		h.t.Helper()
		i, _ := h.arrived(m)
		if i == 0 {
			got := h.read(m.ID)
			h.t.Errorf("%s, by %s: %s never arrived: %s (%s) after %d tries", first, h.name, m.Purpose, got.State, got.Failure, got.Tries)
		}
		return i
	}
	order := []int{0}
	for _, m := range n.steps {
		order = append(order, place(m))
	}
	for _, m := range n.money {
		order = append(order, place(m))
	}
	order = append(order, place(n.last), place(n.other))
	if !slices.IsSorted(order) {
		h.t.Errorf("%s, by %s: key change, token, money, state and text came as %v, want them in this order", first, h.name, order)
	}
	for _, m := range n.outdated {
		got := h.read(m.ID)
		if i, _ := h.arrived(m); i != 0 || got.State != notify.Suppressed || !strings.Contains(got.Failure, "later") {
			h.t.Errorf("%s, by %s: a notice %s that was out of date is %s (%s), and came as number %d; want it suppressed, with the reason", first, h.name, m.Purpose,
				got.State, got.Failure, i)
		}
	}
	seen := map[string]bool{}
	for _, m := range h.got {
		if seen[m] {
			h.t.Errorf("%s, by %s: message %s came twice", first, h.name, m)
		}
		seen[m] = true
	}
}
