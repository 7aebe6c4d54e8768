package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/reach"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// Tx is the part of a transaction that webhooks need.
type Tx interface {
	Eyes() access.EyesTx
	Webhooks() WebhookTx
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	// Moment returns when the transaction began, by the store's clock: UTC, whole microseconds.
	Moment() time.Time
	// Announce queues an event if an endpoint wants events of its type.
	Announce(t Type, of func() (Event, error)) error
	RaiseAlarm(meter int64, a metering.Alarm) error
}

// WebhookTx reads and writes the rows of endpoints and deliveries.
type WebhookTx interface {
	AddWebhook(Endpoint) error
	// PutWebhook writes an endpoint with evidence. PutPace writes only its number of events, its failures and its pause.
	PutWebhook(Endpoint) error
	PutPace(Endpoint) error
	// WebhookByID reads an endpoint that was not removed, and locks it.
	WebhookByID(id.ID) (Endpoint, bool, error)
	// WebhookPage lists the endpoints that were not removed, in the order of their identities, after the given one.
	WebhookPage(after id.ID, max int) ([]Endpoint, error)

	// AddDelivery stores a delivery; false means that the endpoint has this event already.
	AddDelivery(Delivery) (bool, error)
	PutDelivery(Delivery) error
	// DeliveryByID reads a delivery and locks it.
	DeliveryByID(id.ID) (Delivery, bool, error)
	// DeliveryPage lists the deliveries of an endpoint, newest first, before the given one or from the newest on.
	DeliveryPage(endpoint id.ID, state State, before id.ID, max int) ([]Delivery, error)
	// DeliveriesFailed lists failed deliveries of events since a time, oldest first.
	DeliveriesFailed(endpoint id.ID, since time.Time, max int) ([]Delivery, error)
	CountDeliveries(endpoint id.ID, state State) (int, error)
	// DropDeliveries removes deliveries of an endpoint: all, or those in a state but the newest ones.
	DropDeliveries(endpoint id.ID, state State, keep int) error
	// DueWebhooks lists the enabled endpoints that have a delivery due, and returns when the next one is due.
	DueWebhooks(now time.Time) (due []id.ID, next time.Time, err error)
	// ClaimDeliveries claims the due deliveries of an endpoint that no other worker holds.
	ClaimDeliveries(endpoint id.ID, owner string, until time.Time, max int) ([]Delivery, error)
}

// Config has the parts that Webhooks needs. Every field is required.
type Config struct {
	Door   access.Door[Tx]
	Sealer registry.Sealer
	Rand   io.Reader
	Kick   func() // wakes the deliverer
}

// Webhooks carries out the use cases of people with webhooks.
type Webhooks struct{ c Config }

// NewWebhooks makes a Webhooks.
func NewWebhooks(c Config) *Webhooks { return &Webhooks{c} }

// SecretContext is the context of an endpoint's sealed secrets.
func SecretContext(endpoint id.ID) string { return "webhook secret " + endpoint.Text(id.Webhook) }

// NewEndpoint is an endpoint to add.
type NewEndpoint struct {
	URL          string
	Events       []Type
	AllowPrivate bool
}

// View is an endpoint as people see it.
type View struct {
	refusal.Refusal
	Waits *access.Approval // the approval that the endpoint waits for; until then it gets no events
	Endpoint
	Shown access.Secret // its secret; only in the answers that make one
}

// Add adds an endpoint (right: settings.write). It gets events only after a second person has agreed, because it takes facts about sales and
// customers' meters out of the house for as long as it exists.
func (w *Webhooks) Add(ctx context.Context, by access.Actor, n NewEndpoint) (View, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return View{Refusal: no}, nil
	}
	n.URL = strings.TrimSpace(n.URL)
	if no := n.check(); no.Refused() {
		return View{Refusal: no}, nil
	}
	secret, err := newSecret(w.c.Rand)
	if err != nil {
		return View{}, err
	}
	out, err := access.Through(ctx, w.c.Door, by.Tenant, func(tx Tx) (View, error) { return w.add(tx, by, n, secret) })
	return out, fault.Wrap(err, "add a webhook")
}

func (w *Webhooks) add(tx Tx, by access.Actor, n NewEndpoint, secret []byte) (View, error) {
	if no, err := access.MayShow(tx.Eyes(), by, access.SecretWebhook); err != nil || no.Refused() {
		return View{Refusal: no}, err
	}
	e := Endpoint{URL: n.URL, Events: ChoiceOf(n.Events), AllowPrivate: n.AllowPrivate, DisabledAt: tx.Moment(), DisabledWhy: New, AddedBy: by.String(), AddedAt: tx.Moment()}
	all, err := tx.Webhooks().WebhookPage(id.ID{}, MaxEndpoints)
	if err != nil {
		return View{}, err
	}
	if len(all) >= MaxEndpoints {
		return View{Refusal: refuse.WebhooksTooMany(MaxEndpoints)}, nil
	}
	if e.ID, err = tx.NewID(); err != nil {
		return View{}, err
	}
	e.Secret = w.c.Sealer.Seal(SecretContext(e.ID), secret)
	if err := tx.Webhooks().AddWebhook(e); err != nil {
		return View{}, err
	}
	if err := note(tx, by.Entry("webhook.add", e.Name()), e); err != nil {
		return View{}, err
	}
	e.Version = 1
	v, err := enable(tx, by, e)
	v.Shown = access.SecretOf(secretText(secret))
	return v, err
}

// check refuses an endpoint that cannot get events.
func (n NewEndpoint) check() refusal.Refusal {
	if why := badURL(n.URL, n.AllowPrivate); why != "" {
		return refuse.WebhookUrlOfWrongForm(refusal.Echo(n.URL), why)
	}
	chosen := ChoiceOf(n.Events)
	for _, t := range n.Events {
		if !chosen.Has(t) {
			return refuse.WebhookEventUnknown(refusal.Echo(string(t)))
		}
	}
	if chosen == "" {
		return refuse.WebhookWithoutEvents()
	}
	return refusal.Refusal{}
}

// badURL says what is wrong with an address; empty for nothing. Where it leads is decided when it is dialled.
func badURL(text string, private bool) string {
	u, err := url.Parse(text)
	var other *reach.OtherLetters
	switch {
	case len(text) > MaxURL:
		return fmt.Sprintf("longer than %d bytes", MaxURL)
	case err == nil && errors.As(reach.CheckLetters(u.Hostname()), &other):
		return "its host is not written in ASCII letters, and its name is " + other.Name
	case err != nil || u.Hostname() == "" || u.Opaque != "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "not an address of a web server"
	case u.Scheme != "https" && (u.Scheme != "http" || !private):
		return "not https"
	case u.User != nil || u.Fragment != "":
		return "with a user or a fragment"
	}
	to := reach.Internet
	if private {
		to = reach.Anywhere
	}
	switch err := to.CheckHost(u.Hostname()); {
	case errors.Is(err, reach.ErrPrivate):
		return "a private address"
	case err != nil:
		return "an address that the server never calls"
	}
	return ""
}

// enable lets an endpoint get events, once a second person has agreed.
func enable(tx Tx, by access.Actor, e Endpoint) (View, error) {
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActWebhook, Object: e.Name(),
		Summary: "send events to another program: " + e.URL, Body: endpointRequest{e.Name()}, Content: e.terms(),
		Effect: func() (access.Effect, error) { return e.effect(tx) }}, tx.Moment())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return View{Refusal: eyes.Refusal, Waits: eyes.Waits, Endpoint: e}, err
	}
	e.DisabledAt, e.DisabledWhy, e.FailingSince, e.PausedUntil = time.Time{}, "", time.Time{}, time.Time{}
	if err := tx.Webhooks().PutWebhook(e); err != nil {
		return View{}, err
	}
	return View{Endpoint: e}, note(tx, eyes.Mark(by.Entry("webhook.enable", e.Name())), e)
}

// effect says which events leave to which address, and whether events went to its host before.
func (e Endpoint) effect(tx Tx) (t access.Effect, err error) {
	known, err := knownHost(tx, e)
	if err != nil {
		return t, err
	}
	var odd []access.Oddity
	if !known {
		odd = append(odd, access.Oddity{Refusal: refuse.OddNewHost(e.host())})
	}
	t.Tells("leaves", access.Named("leaves", "customers data"))
	t.Tells("host", access.Says(e.host()), odd...)
	t.Fact("address", e.URL)
	for _, kind := range e.Events.Types() {
		t.Tells("events", access.Named("webhook-event", string(kind)))
	}
	if e.AllowPrivate {
		t.Tells("allow_private", access.Answers(true))
	}
	t.Fact("added-by", access.PlainName(e.AddedBy))
	t.Change("state", access.Named("state", "disabled"), access.Named("state", "enabled"))
	return t, nil
}

// host returns the computer that the address names, in ASCII.
func (e Endpoint) host() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return reach.NameOf(u.Hostname())
}

// knownHost reports whether an endpoint at the same host has ever got an event. Endpoints that were removed do not count.
func knownHost(tx Tx, e Endpoint) (bool, error) {
	for after := (id.ID{}); ; {
		all, err := tx.Webhooks().WebhookPage(after, hostsAtOnce)
		if err != nil || len(all) == 0 {
			return false, err
		}
		for _, other := range all {
			if after = other.ID; other.host() == e.host() && (other.Sequence > 0 || other.ID != e.ID && other.Enabled()) {
				return true, nil
			}
		}
	}
}

// hostsAtOnce is how many endpoints are read at once.
const hostsAtOnce = 100

// terms describes an endpoint for the audit log and for the person who must agree.
func (e Endpoint) terms() string {
	return fmt.Sprintf("url=%s events=%q private=%t", e.URL, string(e.Events), e.AllowPrivate)
}

// note writes the audit row of a change of an endpoint.
func note(tx Tx, entry access.Entry, e Endpoint) error {
	entry.At, entry.After = tx.Moment(), e.terms()
	return tx.AuditLog(entry)
}

// endpointRequest is what an approval stores.
type endpointRequest struct {
	Webhook string `json:"webhook"`
}

// Executors returns the executor of the action that a second person can approve.
func (w *Webhooks) Executors() access.Executors {
	return access.Executors{access.ActWebhook: func(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
		var r endpointRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return access.Done{}, fmt.Errorf("read an approved webhook: %w", err)
		}
		v, err := w.Enable(ctx, maker, r.Webhook)
		return access.Done{Refusal: v.Refusal, Object: r.Webhook}, err
	}}
}

// Enable lets an endpoint get events (right: settings.write). What waits for it is sent at once.
func (w *Webhooks) Enable(ctx context.Context, by access.Actor, endpoint string) (View, error) {
	return w.change(ctx, by, endpoint, func(tx Tx, e Endpoint) (View, error) {
		if e.Enabled() {
			return View{Endpoint: e}, nil
		}
		return enable(tx, by, e)
	})
}

// Disable stops an endpoint's events at once (right: settings.write). They wait until it is enabled.
func (w *Webhooks) Disable(ctx context.Context, by access.Actor, endpoint string) (View, error) {
	return w.change(ctx, by, endpoint, func(tx Tx, e Endpoint) (View, error) {
		if !e.Enabled() {
			return View{Endpoint: e}, nil
		}
		e.DisabledAt, e.DisabledWhy = tx.Moment(), ByPerson
		if err := tx.Webhooks().PutWebhook(e); err != nil {
			return View{}, err
		}
		return View{Endpoint: e}, note(tx, by.Entry("webhook.disable", e.Name()), e)
	})
}

// Remove ends an endpoint for good, with everything that waits for it (right: settings.write).
func (w *Webhooks) Remove(ctx context.Context, by access.Actor, endpoint string) (View, error) {
	return w.change(ctx, by, endpoint, func(tx Tx, e Endpoint) (View, error) {
		e.RemovedAt = tx.Moment()
		if e.DisabledAt.IsZero() {
			e.DisabledAt, e.DisabledWhy = tx.Moment(), ByPerson
		}
		if err := tx.Webhooks().DropDeliveries(e.ID, "", 0); err != nil {
			return View{}, err
		}
		if err := tx.Webhooks().PutWebhook(e); err != nil {
			return View{}, err
		}
		return View{Endpoint: e}, note(tx, by.Entry("webhook.remove", e.Name()), e)
	})
}

// Rotate gives an endpoint a new secret (right: settings.write). For [RotationTime] each event has the signatures of both.
func (w *Webhooks) Rotate(ctx context.Context, by access.Actor, endpoint string) (View, error) {
	secret, err := newSecret(w.c.Rand)
	if err != nil {
		return View{}, err
	}
	return w.change(ctx, by, endpoint, func(tx Tx, e Endpoint) (View, error) {
		if no, err := access.MayShow(tx.Eyes(), by, access.SecretWebhook); err != nil || no.Refused() {
			return View{Refusal: no}, err
		}
		e.Previous, e.PreviousUntil = e.Secret, tx.Moment().Add(RotationTime)
		e.Secret = w.c.Sealer.Seal(SecretContext(e.ID), secret)
		if err := tx.Webhooks().PutWebhook(e); err != nil {
			return View{}, err
		}
		return View{Endpoint: e, Shown: access.SecretOf(secretText(secret))}, note(tx, by.Entry("webhook.rotate", e.Name()), e)
	})
}

// change runs a change of an endpoint, and wakes the deliverer.
func (w *Webhooks) change(ctx context.Context, by access.Actor, endpoint string, do func(Tx, Endpoint) (View, error)) (View, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return View{Refusal: no}, nil
	}
	out, err := access.Through(ctx, w.c.Door, by.Tenant, func(tx Tx) (View, error) {
		e, no, err := named(tx, endpoint)
		if err != nil || no.Refused() {
			return View{Refusal: no}, err
		}
		return do(tx, e)
	})
	w.c.Kick()
	return out, fault.Wrap(err, "change webhook %s", refusal.Echo(endpoint))
}

// named finds an endpoint by its identity, and locks it.
func named(tx Tx, endpoint string) (Endpoint, refusal.Refusal, error) {
	i, broken := id.Parse(id.Webhook, endpoint)
	if broken != nil {
		return Endpoint{}, refuse.WebhookNotFound(refusal.Echo(endpoint)), nil
	}
	e, found, err := tx.Webhooks().WebhookByID(i)
	if err == nil && !found {
		return Endpoint{}, refuse.WebhookNotFound(refusal.Echo(endpoint)), nil
	}
	return e, refusal.Refusal{}, err
}

// List is one page of endpoints.
type List struct {
	refusal.Refusal
	Webhooks []View
	Next     string
}

// Show returns an endpoint (right: settings.read).
func (w *Webhooks) Show(ctx context.Context, by access.Actor, endpoint string) (View, error) {
	if no := by.Needs(access.ReadSettings); no.Refused() {
		return View{Refusal: no}, nil
	}
	out, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) (View, error) {
		e, no, err := named(tx, endpoint)
		return View{Refusal: no, Endpoint: e}, err
	})
	return out, fault.Wrap(err, "show webhook %s", refusal.Echo(endpoint))
}

// listWebhooks is the list that a cursor of List belongs to.
const listWebhooks = "webhooks"

// List lists the endpoints (right: settings.read).
func (w *Webhooks) List(ctx context.Context, by access.Actor, page registry.Page) (List, error) {
	if no := by.Needs(access.ReadSettings); no.Refused() {
		return List{Refusal: no}, nil
	}
	after, max, no := page.Read(w.c.Sealer, by.Tenant, listWebhooks)
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) (List, error) {
		rows, err := tx.Webhooks().WebhookPage(after, max+1)
		rows, next := registry.Cut(rows, max, w.c.Sealer, by.Tenant, listWebhooks, func(e Endpoint) id.ID { return e.ID })
		l := List{Next: next}
		for _, e := range rows {
			l.Webhooks = append(l.Webhooks, View{Endpoint: e})
		}
		return l, err
	})
	return out, fault.Wrap(err, "list webhooks")
}
