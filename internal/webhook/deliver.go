package webhook

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
)

// Limits of the deliverer.
const (
	PostTime    = 20 * time.Second // for one attempt
	atOnce      = 4                // attempts for one endpoint at the same time
	pollEvery   = time.Second
	troublePoll = 5 * time.Second
)

// AlarmWebhook is the alarm about an endpoint that was disabled because it failed.
const AlarmWebhook metering.AlarmCode = "webhook-disabled"

// Request is one attempt as a [Poster] sends it.
type Request struct {
	URL          string
	AllowPrivate bool
	Event        string // webhook-id
	At           time.Time
	Signature    string
	Body         string
}

// Poster posts to an address. It follows no redirect, and unless it is allowed to, it neither speaks http nor dials an address that is not
// [reach.Public].
type Poster interface {
	Post(ctx context.Context, r Request) Answer
}

// DelivererConfig has the parts that a Deliverer needs. Every field but Log is required.
type DelivererConfig struct {
	Door   access.Door[Tx]
	Outbox access.Door[job.OutboxTx] // for the list of tenants
	Poster Poster
	Sealer registry.Sealer
	Owner  string // names this worker among all instances
	Rand   io.Reader
	Now    func() time.Time
	Log    *slog.Logger
}

// Deliverer sends deliveries when they are due. Each endpoint has [atOnce] places of its own, and each attempt holds one of them until it ends.
// So a slow endpoint delays no other, and a slow answer only its own event.
type Deliverer struct {
	c    DelivererConfig
	bell chan struct{}

	mu     sync.Mutex
	taken  map[receiver]int  // places; none for an endpoint that is not served
	waited map[receiver]bool // endpoints that had a delivery due when all their places were taken
}

// receiver names an endpoint.
type receiver struct {
	tenant   access.Tenant
	endpoint id.ID
}

// NewDeliverer makes a Deliverer; Run starts it.
func NewDeliverer(c DelivererConfig) *Deliverer {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Deliverer{c: c, bell: make(chan struct{}, 1), taken: make(map[receiver]int), waited: make(map[receiver]bool)}
}

// Kick wakes the deliverer, because a delivery may be due. It never blocks.
func (d *Deliverer) Kick() {
	select {
	case d.bell <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends. After an error of the store it tries again.
func (d *Deliverer) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	for {
		wait, err := d.look(ctx, &work)
		if err != nil && ctx.Err() == nil {
			d.c.Log.Warn("webhooks were not delivered", logkey.Err, err)
			wait = troublePoll
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		case <-d.bell:
			t.Stop()
		}
	}
}

// look begins to serve every endpoint that has a delivery due. It returns the time until more may be due.
func (d *Deliverer) look(ctx context.Context, work *sync.WaitGroup) (time.Duration, error) {
	tenants, err := access.Look(ctx, d.c.Outbox, 0, func(tx job.OutboxTx) ([]access.Tenant, error) { return tx.Tenants() })
	if err != nil {
		return 0, fmt.Errorf("list tenants: %w", err)
	}
	wait := pollEvery
	for _, t := range tenants {
		var next time.Time
		due, err := access.Look(ctx, d.c.Door, t, func(tx Tx) (due []id.ID, err error) {
			due, next, err = tx.Webhooks().DueWebhooks(d.c.Now())
			return due, err
		})
		if err != nil {
			return 0, err
		}
		for _, endpoint := range due {
			d.begin(ctx, receiver{t, endpoint}, work)
		}
		if until := next.Sub(d.c.Now()); !next.IsZero() && until > 0 {
			wait = min(wait, until)
		}
	}
	return wait, nil
}

// begin serves an endpoint in a goroutine, if it has places left.
func (d *Deliverer) begin(ctx context.Context, r receiver, work *sync.WaitGroup) {
	free := d.takePlaces(r)
	if free == 0 {
		return
	}
	work.Go(func() {
		begun, err := d.sendDue(ctx, r, free, work)
		d.givePlaces(r, free-begun)
		if err != nil && ctx.Err() == nil {
			d.c.Log.Warn("webhook was not served", "webhook", r.endpoint.Text(id.Webhook), logkey.Err, err)
		}
	})
}

// takePlaces takes the places of an endpoint that are left, and returns their number.
func (d *Deliverer) takePlaces(r receiver) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	free := atOnce - d.taken[r]
	d.taken[r], d.waited[r] = atOnce, free == 0
	return free
}

// givePlaces gives places of an endpoint back, and wakes the deliverer if a delivery was due when there were none.
func (d *Deliverer) givePlaces(r receiver, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waited[r] && n > 0 {
		d.Kick()
	}
	if d.taken[r] -= n; d.taken[r] == 0 {
		delete(d.taken, r)
		delete(d.waited, r)
	}
}

// sendDue begins to send due deliveries of an endpoint, and returns their number. There are at most as many as places.
// Each delivery gives its place back when it ends.
func (d *Deliverer) sendDue(ctx context.Context, r receiver, places int, work *sync.WaitGroup) (int, error) {
	var e Endpoint
	var claims []Delivery
	_, err := access.Through(ctx, d.c.Door, r.tenant, func(tx Tx) (done, error) {
		claims = nil
		var found bool
		var err error
		if e, found, err = tx.Webhooks().WebhookByID(r.endpoint); err != nil || !found || !e.Enabled() {
			return done{}, err
		}
		claims, err = tx.Webhooks().ClaimDeliveries(e.ID, d.c.Owner, d.c.Now().Add(job.HoldFor), places)
		return done{}, err
	})
	if err != nil || len(claims) == 0 {
		return 0, err
	}
	secrets, err := d.secrets(e)
	if err != nil {
		return 0, err
	}
	for _, c := range claims {
		work.Go(func() {
			err := d.attempt(ctx, r.tenant, e, c, secrets)
			d.givePlaces(r, 1)
			switch {
			case err == nil:
				d.Kick() // more may be due
			case ctx.Err() == nil:
				d.c.Log.Warn("delivery was not recorded", "delivery", c.Name(), logkey.Err, err)
			}
		})
	}
	return len(claims), nil
}

// secrets opens the secrets that sign now.
func (d *Deliverer) secrets(e Endpoint) ([][]byte, error) {
	sealed := [][]byte{e.Secret}
	if len(e.Previous) > 0 && d.c.Now().Before(e.PreviousUntil) {
		sealed = append(sealed, e.Previous)
	}
	var out [][]byte
	for _, s := range sealed {
		secret, err := d.c.Sealer.Open(SecretContext(e.ID), s)
		if err != nil {
			return nil, fmt.Errorf("open the secret of webhook %s: %w", e.Name(), err)
		}
		out = append(out, secret)
	}
	return out, nil
}

// attempt posts a delivery once, and records what became of it. If recording fails, the delivery is sent again when its claim ends.
func (d *Deliverer) attempt(ctx context.Context, t access.Tenant, e Endpoint, c Delivery, secrets [][]byte) error {
	at, event := d.c.Now(), c.Event.Text(id.Event)
	within, stop := context.WithTimeout(ctx, PostTime)
	defer stop()
	a := d.c.Poster.Post(within, Request{URL: e.URL, AllowPrivate: e.AllowPrivate, Event: event, At: at, Signature: Sign(secrets, event, at, c.Body), Body: c.Body})
	if ctx.Err() != nil {
		return nil // the program ends: nobody knows what became of it
	}
	a.Took = d.c.Now().Sub(at)
	chance, err := d.chance()
	if err != nil {
		return err
	}
	_, err = access.Through(ctx, d.c.Door, t, func(tx Tx) (done, error) { return done{}, record(tx, c.Endpoint, c.ID, a, d.c.Now(), chance) })
	return fault.Wrap(err, "record an attempt of delivery %s", c.Name())
}

// chance returns a random number of at least 0 and less than 1.
func (d *Deliverer) chance() (float64, error) {
	var b [1]byte
	if _, err := io.ReadFull(d.c.Rand, b[:]); err != nil {
		return 0, fmt.Errorf("choose a pause: %w", err)
	}
	return float64(b[0]) / 256, nil
}

// record stores what became of an attempt, and keeps the log short.
func record(tx Tx, endpoint, delivery id.ID, a Answer, now time.Time, chance float64) error {
	w := tx.Webhooks()
	e, found, err := w.WebhookByID(endpoint)
	if err != nil || !found {
		return err // it was removed meanwhile
	}
	was, found, err := w.DeliveryByID(delivery)
	if err != nil || !found {
		return err
	}
	after, d := Judge(e, was, a, access.Stored(now), chance)
	if err := w.PutDelivery(d); err != nil {
		return err
	}
	if err := w.PutPace(after); err != nil {
		return err
	}
	if d.State != Waiting {
		keep := map[State]int{Delivered: MaxDelivered, Failed: MaxFailed}[d.State]
		if err := w.DropDeliveries(e.ID, d.State, keep); err != nil {
			return err
		}
	}
	if !e.Enabled() || after.Enabled() {
		return nil
	}
	return turnOff(tx, after)
}

// turnOff disables an endpoint that failed, and says so to people and to the other endpoints.
func turnOff(tx Tx, e Endpoint) error {
	if err := tx.Webhooks().PutWebhook(e); err != nil {
		return err
	}
	if err := note(tx, access.SystemActor(0, "webhooks").Entry("webhook.disable", e.Name()), e); err != nil {
		return err
	}
	if err := tx.RaiseAlarm(0, metering.Alarm{Code: AlarmWebhook, Text: alarmtext.WebhookDisabled(e.Name(), string(e.DisabledWhy))}); err != nil {
		return err
	}
	return tx.Announce(EndpointOff, func() (Event, error) { return ofEndpoint(e), nil })
}
