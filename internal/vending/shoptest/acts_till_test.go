package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
	"net/netip"
)

// This file has the acts of tills and customers, and the acts that let time pass.

func refusedError(no refusal.Refusal) error {
	if no.Refused() {
		return errors.New(no.Detail())
	}
	return nil
}

// someone is the owner of the till's API key.
func (h *history) someone() access.Actor {
	h.t.Helper()
	known, err := h.access.ByAPIKey(context.Background(), h.secret.Reveal(), netip.Addr{})
	if err != nil || known.Refused() {
		h.t.Fatalf("the till's API key: %v %s", err, known.Detail())
	}
	return known.Actor
}

// server is a server that accepts a request. One database may have two.
func (h *history) server() *vending.Vending {
	if h.other != nil && h.step%2 == 0 {
		return h.other
	}
	return h.Vending
}

func (h *history) sells(r *rand.Rand) {
	m := h.homes[r.IntN(len(h.homes))]
	b := h.newOrder(m, money.Minor(1000+r.IntN(20_000)))
	if r.IntN(4) == 0 {
		b.Deliver = []string{sale.RouteMQTT}
	}
	h.ask(b)
	if r.IntN(3) > 0 {
		h.enter(m, len(m.papers))
	}
}

func (h *history) newOrder(m *home, minor money.Minor) *bought {
	h.step++
	b := &bought{Purchase: order(m.number, minor, fmt.Sprintf("history-sale-%05d", h.step)), home: m, asked: h.step}
	h.sales = append(h.sales, b)
	return b
}

// ask sends a request for a sale, for the first time or again.
func (h *history) ask(b *bought) bool {
	h.t.Helper()
	h.tick(time.Second)
	h.step++
	sold, err := h.server().Sell(context.Background(), h.someone(), b.Purchase)
	if err != nil {
		if !h.tolerates(err) {
			h.t.Fatal(err)
		}
		h.sometimes.Reached("sale refused on a full disk")
		h.sometimes.When(b.sold == 0, "answer lost on a full disk")
		return false
	}
	if sold.Refused() {
		h.mayRefuse(b.home, sold.Refusal)
		return false
	}
	body := sold.Reply.Body
	if sold.Replay != nil {
		body = sold.Replay.Body
	}
	switch {
	case b.sold > 0 && b.answer != string(body):
		h.t.Fatalf("%s was answered %s, and then %s", b.Once.Key, b.answer, body)
	case b.sold > 0:
		h.sometimes.Reached("request asked again")
		return true
	}
	if sold.Replay == nil {
		h.known = h.clock.Now()
	}
	b.sold, b.answer = h.step, string(body)
	h.sometimes.Reached("sale")
	h.sometimes.When(h.done > 0, "sale after a restore")
	day := h.clock.Now().In(h.zone)
	begun := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, h.zone)
	h.sometimes.When(begun.AddDate(0, 0, 1).Sub(begun) != 24*time.Hour, "sale on a day of 23 or 25 hours")
	h.given(b, sold)
	return true
}

// given hands the tokens of a sale to the customer.
func (h *history) given(b *bought, sold vending.Sold) {
	h.t.Helper()
	digits := func(i int) string { return sold.Issued.Reveal(i) }
	b.sale = sold.Sale
	if sold.Replay != nil || sold.Issued.Len() == 0 {
		shown, err := h.SaleByRef(context.Background(), h.someone(), b.Once.Key)
		if err != nil && h.tolerates(err) {
			b.sold = 0 // the sale will be asked for again
			return
		}
		if err != nil || shown.Refused() {
			h.t.Fatalf("%s was sold and is not known: %v %s", b.Once.Key, err, shown.Detail())
		}
		b.sale, digits = shown.Sale, shown.Issued.Reveal
	}
	for i, t := range b.sale.Tokens {
		p := &paper{digits: digits(i), token: t.ID.Text(id.Token), tid: uint32(t.TID), units: int64(t.Units), of: b}
		b.papers, b.home.papers, b.home.all = append(b.papers, p), append(b.home.papers, p), append(b.home.all, p)
	}
	if h.off > 0 {
		h.until, h.dated = maxTime(h.until, h.clock.Now()), maxTime(h.dated, h.clock.Now())
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// clockWrong reports whether the server is right to doubt its clock.
func (h *history) clockWrong() bool {
	return h.off.Abs() > time.Minute || (h.off-h.startOff).Abs() >= time.Hour || h.doubted || h.truth.Before(h.until)
}

// mayRefuse fails the test if no earlier event explains a refusal.
func (h *history) mayRefuse(m *home, no refusal.Refusal) {
	h.t.Helper()
	why := false
	switch no.Code {
	case "":
		return
	case refusal.StorageFull:
		why = h.full
	case refusal.ClockUntrusted:
		why = h.clockWrong()
		h.sometimes.Reached("sale refused because of the clock")
	case refusal.KeystoreLocked:
		why = h.locked
		h.sometimes.Reached("sale refused by a locked key store")
	case refusal.VendInProgress: // a reversal waits for the meter
		why = slices.ContainsFunc(h.sales, func(o *bought) bool { return o.home == m && o.undone > 0 })
	}
	if !why {
		h.t.Fatalf("meter %s gets no token for no reason: %s: %s", m.number, no.Code, no.Detail())
	}
}

func (h *history) typesSome(r *rand.Rand) {
	m := h.homes[r.IntN(len(h.homes))]
	if m.locked && r.IntN(2) == 0 {
		h.unlock(m)
	}
	h.enter(m, 1+r.IntN(6))
	if m.set == nil && len(m.papers) > 1 && r.IntN(3) == 0 {
		slices.Reverse(m.papers) // the newest first
		h.enter(m, 1)
		slices.Reverse(m.papers)
	}
}

func (h *history) minutes(r *rand.Rand) {
	h.tick(time.Duration(1+r.IntN(90*60)) * time.Second)
	h.notes()
}

// days lets days pass in which the server runs and little happens. Its recurring work runs at the end.
func (h *history) days(r *rand.Rand) {
	before := h.truth
	for range 1 + r.IntN(20) {
		h.tick(24 * time.Hour)
		h.recovers()
	}
	h.sometimes.When(h.truth.Month() != before.Month(), "month change")
}

func (h *history) connects(r *rand.Rand) {
	m := h.homes[r.IntN(len(h.homes))]
	if _, on := h.online.LoadAndDelete(m.number); !on {
		h.online.Store(m.number, true)
		m.booted = false
		h.tries(func(tx *store.Tx) error { return wakes(tx, m.number) })
	}
}

// served lets the server deliver all pending messages. Sometimes the network fails before the meters' answers have come back.
func (h *history) served(r *rand.Rand) {
	h.recovers()
	if r.IntN(4) == 0 {
		h.send()
		h.tick(2 * time.Minute)
		h.send()
		h.online.Clear()
		return
	}
	h.deliver()
	h.recovers()
}

// recovers does the server's recurring work.
func (h *history) recovers() {
	h.t.Helper()
	if _, err := h.Recover(context.Background(), system()); err != nil && !h.tolerates(err) {
		h.t.Fatal(err)
	}
	h.tries(func(tx *store.Tx) error { _, err := tx.ExpireCommands(400); return err })
	h.notes()
}

// reverses reverses a late sale to a meter, if that is possible.
func (h *history) reverses(r *rand.Rand) {
	h.undoes(h.homes[r.IntN(len(h.homes))], fmt.Sprintf("history-undo-%05d", h.step))
}

// undoes requests the reversal of the newest sale to a meter and returns the outcome.
func (h *history) undoes(m *home, key string) (b *bought, got once.Done[sale.Reversal]) {
	h.t.Helper()
	for _, o := range h.sales {
		if o.home == m && o.sold > 0 {
			b = o
		}
	}
	if b == nil {
		return nil, got
	}
	h.step++
	got, err := h.server().Reverse(context.Background(), h.someone(), vending.PendingReversal{Sale: b.sale.ID.Text(id.Vend), Reason: "by mistake",
		Request: once.Request{Once: access.Once{Principal: "till", Key: key, Hash: [32]byte{1}}}})
	if err != nil {
		if !h.tolerates(err) {
			h.t.Fatal(err)
		}
		return b, got
	}
	switch got.Code {
	case "":
		b.undone++
		h.sometimes.When(got.Value.State == sale.ReversalDone && !got.Value.Confirmed, "reversal of a meter that is away")
	case refusal.NotReversible, refusal.AlreadyReversed, refusal.VendInProgress, refusal.DailyLimit, refusal.MeterOffline:
		h.sometimes.When(got.Code == refusal.NotReversible, "reversal too late")
	default:
		if got.Code != refusal.ClockUntrusted || !h.clockWrong() {
			h.t.Fatalf("reversal of %s: %s", b.Once.Key, got.Detail())
		}
	}
	return b, got
}

// answersLate reverses a sale whose meter receives the command, but answers only after the server has stopped waiting.
func (h *history) answersLate(r *rand.Rand) {
	m := h.homes[r.IntN(len(h.homes))]
	h.online.Store(m.number, true)
	if m.set != nil || !h.ask(h.newOrder(m, 3000)) {
		return
	}
	if r.IntN(3) == 0 {
		h.unlock(m)
		h.enter(m, len(m.papers))
	}
	h.undoes(m, fmt.Sprintf("history-undo-%05d", h.step))
	h.send()
	h.online.Delete(m.number)
	h.tick(vending.CancelLife + time.Minute)
	h.recovers()
	h.online.Store(m.number, true)
	m.booted = false
	h.tries(func(tx *store.Tx) error { return wakes(tx, m.number) })
}

func (h *history) asksAgain(r *rand.Rand) {
	if len(h.sales) > 0 {
		h.ask(h.sales[r.IntN(len(h.sales))])
	}
}

func (h *history) restarts(*rand.Rand) { h.again(time.Second, func() {}) }

// burst sells to one meter many times in a row, as a campaign or a programming mistake would. The customer enters every token.
func (h *history) burst(r *rand.Rand) {
	m := h.homes[r.IntN(len(h.homes))]
	h.unlock(m)
	h.enter(m, len(m.papers))
	for range 52 + r.IntN(60) {
		b := h.newOrder(m, 1000)
		if !h.ask(b) {
			return
		}
		h.truth = h.truth.Add(-time.Second) // all in one minute
		h.enter(m, len(m.papers))
	}
}

// looksUp reads a sale by its reference and a meter's tokens. This must work in every state of the server.
func (h *history) looksUp(r *rand.Rand) {
	if len(h.sales) == 0 {
		return
	}
	b := h.sales[r.IntN(len(h.sales))]
	if b.sold == 0 {
		return
	}
	shown, err := h.SaleByRef(context.Background(), h.someone(), b.Once.Key)
	if err != nil || shown.Refused() {
		h.t.Fatalf("%s cannot be looked up (disk full: %t): %v %s", b.Once.Key, h.full, err, shown.Detail())
	}
	if _, err := h.Tokens(context.Background(), h.someone(), b.home.number, registry.Page{Limit: 5}); err != nil {
		h.t.Fatalf("the tokens of a meter cannot be looked up (disk full: %t): %v", h.full, err)
	}
	h.sometimes.When(h.full, "sale read on a full disk")
}
