package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// DeliveryView is a delivery as people see it, without its body.
type DeliveryView struct {
	refusal.Refusal
	Delivery
}

// DeliveryList is one page of deliveries, newest first.
type DeliveryList struct {
	refusal.Refusal
	Deliveries []DeliveryView
	Next       string
}

// listDeliveries is the list that a cursor of DeliveryList belongs to.
const listDeliveries = "webhook-deliveries"

// Deliveries lists what was sent to an endpoint, newest first (right: settings.read).
func (w *Webhooks) Deliveries(ctx context.Context, by access.Actor, endpoint string, state State, page registry.Page) (DeliveryList, error) {
	if no := by.Needs(access.ReadSettings); no.Refused() {
		return DeliveryList{Refusal: no}, nil
	}
	before, max, no := page.Read(w.c.Sealer, by.Tenant, listDeliveries)
	if no.Refused() {
		return DeliveryList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) (DeliveryList, error) {
		e, no, err := named(tx, endpoint)
		if err != nil || no.Refused() {
			return DeliveryList{Refusal: no}, err
		}
		rows, err := tx.Webhooks().DeliveryPage(e.ID, state, before, max+1)
		rows, next := registry.Cut(rows, max, w.c.Sealer, by.Tenant, listDeliveries, func(d Delivery) id.ID { return d.ID })
		l := DeliveryList{Next: next}
		for _, d := range rows {
			l.Deliveries = append(l.Deliveries, DeliveryView{Delivery: d})
		}
		return l, err
	})
	return out, fault.Wrap(err, "list the deliveries of webhook %s", refusal.Echo(endpoint))
}

// Resend sends an event again, with the same id and body (right: settings.write).
func (w *Webhooks) Resend(ctx context.Context, by access.Actor, endpoint, delivery string) (DeliveryView, error) {
	var out DeliveryView
	v, err := w.change(ctx, by, endpoint, func(tx Tx, e Endpoint) (View, error) {
		if !e.Enabled() {
			return View{Refusal: refuse.WebhookDisabled(e.Name())}, nil
		}
		var d Delivery
		i, broken := id.Parse(id.Delivery, delivery)
		found, err := broken == nil, error(nil)
		if found {
			d, found, err = tx.Webhooks().DeliveryByID(i)
		}
		if err != nil || !found || d.Endpoint != e.ID {
			return View{Refusal: refuse.DeliveryNotFound(refusal.Echo(delivery))}, err
		}
		d.again(tx.Moment())
		out.Delivery = d
		if err := tx.Webhooks().PutDelivery(d); err != nil {
			return View{}, err
		}
		entry := by.Entry("webhook.resend", e.Name())
		entry.At, entry.After = tx.Moment(), "delivery="+d.Name()
		return View{Endpoint: e}, tx.AuditLog(entry)
	})
	out.Refusal = v.Refusal
	return out, err
}

// again makes a delivery due now.
func (d *Delivery) again(now time.Time) {
	d.State, d.Attempts, d.NextAt, d.EndedAt = Waiting, 0, now, time.Time{}
}

// Recovery is the outcome of Recover.
type Recovery struct {
	refusal.Refusal
	Sent int
	More bool // more failed deliveries remain
}

// Recover sends every event since a time again that failed (right: settings.write), at most [MaxRecover] at once.
func (w *Webhooks) Recover(ctx context.Context, by access.Actor, endpoint string, since time.Time) (Recovery, error) {
	var out Recovery
	v, err := w.change(ctx, by, endpoint, func(tx Tx, e Endpoint) (View, error) {
		if !e.Enabled() {
			return View{Refusal: refuse.WebhookDisabled(e.Name())}, nil
		}
		if tx.Moment().Sub(since) > RecoverSpan {
			return View{Refusal: refuse.WebhookRecoverTooLong(int64(RecoverSpan / (24 * time.Hour)))}, nil
		}
		failed, err := tx.Webhooks().DeliveriesFailed(e.ID, since, MaxRecover+1)
		if err != nil {
			return View{}, err
		}
		out = Recovery{Sent: min(len(failed), MaxRecover), More: len(failed) > MaxRecover}
		for _, d := range failed[:out.Sent] {
			d.again(tx.Moment())
			if err := tx.Webhooks().PutDelivery(d); err != nil {
				return View{}, err
			}
		}
		entry := by.Entry("webhook.recover", e.Name())
		entry.At, entry.After = tx.Moment(), fmt.Sprintf("since=%s deliveries=%d", since.UTC().Format(time.RFC3339), out.Sent)
		return View{Endpoint: e}, tx.AuditLog(entry)
	})
	out.Refusal = v.Refusal
	return out, err
}

// Test sends a test event to one endpoint (right: settings.write).
func (w *Webhooks) Test(ctx context.Context, by access.Actor, endpoint string) (DeliveryView, error) {
	var out DeliveryView
	v, err := w.change(ctx, by, endpoint, func(tx Tx, e Endpoint) (View, error) {
		if !e.Enabled() {
			return View{Refusal: refuse.WebhookDisabled(e.Name())}, nil
		}
		data, err := json.Marshal(apiv1.WebhookTest{Webhook: e.Name()})
		if err != nil {
			return View{}, fmt.Errorf("write a test event: %w", err)
		}
		q := queued{Type: Test, At: tx.Moment(), Data: data}
		if q.ID, err = tx.NewID(); err != nil {
			return View{}, err
		}
		if out.Delivery, err = deliver(tx, e, q); err != nil {
			return View{}, err
		}
		return View{Endpoint: e}, note(tx, by.Entry("webhook.test", e.Name()), e)
	})
	out.Refusal = v.Refusal
	return out, err
}

// deliver makes the delivery of an event to an endpoint, unless it has one already. If too many wait, the delivery has failed from the
// beginning, so that somebody can recover it later.
func deliver(tx Tx, e Endpoint, q queued) (Delivery, error) {
	d := Delivery{Endpoint: e.ID, Event: q.ID, Sequence: e.Sequence + 1, Type: q.Type, State: Waiting, NextAt: tx.Moment(), CreatedAt: tx.Moment()}
	var err error
	if d.ID, err = tx.NewID(); err != nil {
		return Delivery{}, err
	}
	if d.Body, err = q.body(d.Sequence); err != nil {
		return Delivery{}, err
	}
	waiting, err := tx.Webhooks().CountDeliveries(e.ID, Waiting)
	if err != nil {
		return Delivery{}, err
	}
	if waiting >= MaxWaiting {
		d.State, d.EndedAt = Failed, tx.Moment()
		d.Log = []Attempt{{At: tx.Moment(), Error: fmt.Sprintf("not sent: %d events wait already", MaxWaiting)}}
		if err := tx.Webhooks().DropDeliveries(e.ID, Failed, MaxFailed-1); err != nil {
			return Delivery{}, err
		}
	}
	added, err := tx.Webhooks().AddDelivery(d)
	if err != nil || !added {
		return d, err
	}
	e.Sequence = d.Sequence
	return d, tx.Webhooks().PutPace(e)
}
