package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
)

// inbox is the dispatcher for one tenant's routes.
type inbox struct {
	dispatcher *Dispatcher
	tenant     access.Tenant
}

// Inbox is where a tenant's routes hand in arrivals.
func (d *Dispatcher) Inbox(t access.Tenant) Inbox { return inbox{d, t} }

// Receive takes a message once, even if it comes several times, and queues its answer in the same transaction. What the message buys is bought
// before: if the server stops in between, the route brings the message again, and the same order buys once.
func (i inbox) Receive(ctx context.Context, in Incoming) error {
	in.From, in.Text = Canonical(storable(in.From)), storable(in.Text)
	queued := false
	p, err := i.dispatcher.buy(ctx, i.tenant, in)
	if err == nil {
		err = i.dispatcher.c.Door.Do(ctx, i.tenant, func(tx Tx) (_ bool, err error) { queued, err = i.dispatcher.receive(tx, in, p); return false, err })
	}
	if err != nil {
		return fmt.Errorf("accept a message from route %s: %w", in.Route, err)
	}
	if queued {
		i.dispatcher.Kick()
	}
	return nil
}

// storable makes a text that every database accepts. No database accepts invalid UTF-8, and PostgreSQL accepts no zero octets. Anybody can
// send both. A message that cannot be stored would be offered again and again.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// receive is the transaction of Receive; it reports whether there is something to send now. It gets what the message has bought, or nil.
func (d *Dispatcher) receive(tx Tx, in Incoming, p *purchase) (bool, error) {
	known, err := tx.MessageKnown(in.Identity)
	if err != nil || known {
		return false, err
	}
	now := d.c.Now()
	text := cut(strings.ToValidUTF8(MaskTokens(in.Text), "?"), MaxText)
	meter, ofMeter, err := tx.Recipients().MeterBySIM(in.From)
	if err != nil {
		return false, err
	}
	mine, err := tx.Recipients().Subscriptions(in.From, maxSubscriptions)
	if err != nil {
		return false, err
	}
	of := func(string) quota { return otherWords }
	switch {
	case ofMeter:
		of = quotaOfReply
	case len(mine) > 0:
		of = quotaOf
	}
	if full, err := arrivalsFull(tx, in.From, text, of, now); err != nil || full && p == nil {
		if err == nil {
			d.c.Log.Warn("message dropped: too many from one sender", logkey.Route, in.Route)
		}
		return false, err
	}
	i, err := tx.NewID()
	if err != nil {
		return false, err
	}
	m := Message{ID: i, Incoming: true, State: Received, Purpose: PurposeFromStranger, Phone: cut(in.From, maxSender), Route: in.Route,
		Text: text, Identity: in.Identity, CreatedAt: now}
	if in.Missing > 0 {
		m.Failure = fmt.Sprintf("%d parts are missing", in.Missing)
	}
	if err := d.wakeWriter(tx, in.From, now); err != nil {
		return false, err
	}
	if ofMeter {
		m.Purpose, m.Meter, m.Number = PurposeFromMeter, meter.N, meter.Number
		return d.fromMeter(tx, meter, m, in)
	}
	if len(mine) > 0 {
		m.Purpose, m.Customer, m.Lang = PurposeFromCustomer, mine[0].Customer, mine[0].Lang
	} else if full, err := d.strangersFull(tx, in, now); err != nil || full && p == nil {
		return false, err
	}
	if err := tx.MessageAdd(m); err != nil {
		return false, err
	}
	return true, d.answer(tx, m, in, mine, p)
}

// wakeWriter makes the messages due that wait for a telephone that has just written. Its first message for some time wakes all of them.
// Further messages leave out what was tried just now: somebody who writes in the telephone's name must not use up its tries.
func (d *Dispatcher) wakeWriter(tx Tx, phone string, now time.Time) error {
	before, err := tx.Recipients().Arrivals(phone, now.Add(-WakeEvery), 1)
	if err != nil {
		return err
	}
	tried := now
	if len(before) > 0 {
		tried = now.Add(-WakeEvery)
	}
	return tx.Queued().MessagesWake(phone, now, tried)
}

// Limits for one sender.
const (
	maxSender        = 32 // bytes of a sender's number or name that are stored
	maxSubscriptions = 20 // meters of one telephone
)

// Report takes a delivery report.
func (i inbox) Report(ctx context.Context, r Report) error {
	r.Reference, r.To, r.Why = cut(storable(r.Reference), MaxReference), cut(storable(r.To), MaxReference), cut(storable(r.Why), MaxWhy)
	queued := false
	err := i.dispatcher.c.Door.Do(ctx, i.tenant, func(tx Tx) (_ bool, err error) { queued, err = i.dispatcher.report(tx, r); return false, err })
	if err != nil {
		return fmt.Errorf("accept a report from route %s: %w", r.Route, err)
	}
	if queued {
		i.dispatcher.Kick()
	}
	return nil
}

// report is the transaction of Report. A report whose reference matches no message waits for one.
func (d *Dispatcher) report(tx Tx, r Report) (bool, error) {
	if r.State == Trying {
		return false, nil
	}
	message, n, found, err := d.reportOf(tx, r)
	if err == nil && !found {
		message, n, found, err = d.awaitMessage(tx, r)
	}
	if err != nil || !found {
		return false, err
	}
	return d.reportAbout(tx, r, message, n)
}

// reportAbout acts on a report about a try of a message. The try has the number n; 0 means the last one by the report's route.
func (d *Dispatcher) reportAbout(tx Tx, r Report, message id.ID, n int) (bool, error) {
	m, found, err := tx.MessageByID(message)
	if err != nil || !found || m.Incoming {
		return false, err
	}
	tries, err := tx.MessageTries(message)
	if err != nil || len(tries) == 0 {
		return false, err
	}
	t := lastBy(tries, r.Route, n)
	if t == nil || t.Report == Delivered.String() {
		return false, nil
	}
	before, held := m, t.underWay()
	reported(&m, tries, t, r, d.open(), d.c.Now())
	if err := tx.TryPut(message, *t); err != nil {
		return false, err
	}
	// If the worker is sending the message, its claim stays, and the worker will see the report.
	queued := m.Open && !held
	if held {
		err = errors.Join(tx.MessageHold(m), d.follow(tx, m, before))
	} else {
		err = d.put(tx, m, before)
	}
	if err != nil || r.State != Delivered || m.Purpose == PurposeMeter {
		return queued, err
	}
	// The telephone is on. This report is about a message of ours, so it cannot come more often than our messages do.
	now := d.c.Now()
	return true, tx.Queued().MessagesWake(m.Phone, now, now)
}

// reportOf finds the message of a report, and the number of the try; 0 if only the route identifies the try.
func (d *Dispatcher) reportOf(tx Tx, r Report) (id.ID, int, bool, error) {
	if i, err := id.Parse(id.Message, r.ID); err == nil {
		return i, 0, true, nil
	}
	if r.Reference == "" {
		return id.ID{}, 0, false, nil
	}
	to, since := Canonical(r.To), d.c.Now().Add(-ReportWindow)
	message, n, found, err := tx.MessageOfTry(r.Route, r.Reference, to, since)
	for _, reference := range r.Also {
		if err == nil && !found && reference != "" && to != "" {
			message, n, found, err = tx.MessageOfTry(r.Route, reference, to, since)
		}
	}
	return message, n, found, err
}

// lastBy returns the try with a number. For number 0 it returns the last try that was given to the route. It returns nil if there is no
// such try.
func lastBy(tries []Try, route string, n int) *Try {
	for i := len(tries) - 1; i >= 0; i-- {
		if n == 0 && tries[i].Route == route || n > 0 && tries[i].N == n {
			return &tries[i]
		}
	}
	return nil
}
