package shoptest_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
	events "github.com/paywatt/paywatt/internal/webhook"
)

// hookShop is a shop whose events go to programs that the test plays.
type hookShop struct {
	*shop
	*events.Webhooks
	deliverer *events.Deliverer
	mu        sync.Mutex
	got       []events.Request
	answer    func(events.Request) events.Answer
}

// Post takes an event and answers as the test wants.
func (s *hookShop) Post(_ context.Context, r events.Request) events.Answer {
	s.mu.Lock()
	s.got = append(s.got, r)
	answer := s.answer
	s.mu.Unlock()
	return answer(r)
}

func openHooks(t *testing.T) *hookShop {
	t.Helper()
	tier.Concurrent(t) // a goroutine delivers
	s := &hookShop{shop: open(t, true), answer: func(events.Request) events.Answer { return events.Answer{Status: 204} }}
	door := store.DoorTo(s.engine, store.Job, func(tx *store.Tx) events.Tx { return tx })
	s.deliverer = events.NewDeliverer(events.DelivererConfig{Door: door, Outbox: store.DoorTo(s.engine, store.Job, func(tx *store.Tx) job.OutboxTx { return tx }), Poster: s,
		Sealer: s.sealer, Owner: "test", Rand: rand.Reader, Now: s.clock.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	s.Webhooks = events.NewWebhooks(events.Config{Door: door, Sealer: s.sealer, Rand: rand.Reader, Kick: s.deliverer.Kick})
	return s
}

// hook adds a webhook.
func (s *hookShop) hook(url string, types ...events.Type) events.View {
	s.t.Helper()
	v, err := s.Webhooks.Add(s.t.Context(), signedIn(), events.NewEndpoint{URL: url, Events: types})
	if err != nil || v.Refused() {
		s.t.Fatal(err, v.Detail())
	}
	return v
}

// spread makes the deliveries of all queued events, each twice, and returns the number of events.
func (s *hookShop) spread() (n int) {
	s.t.Helper()
	w := events.Spreader{Door: store.DoorTo(s.engine, store.Job, func(tx *store.Tx) events.Tx { return tx }), Kick: func() {}}
	var claims []job.Claim
	s.do(func(tx *store.Tx) (err error) {
		claims, err = tx.OutboxClaim(job.LaneWebhook, "", "test", s.clock.Now().Add(time.Minute), 100)
		return err
	})
	for _, c := range claims {
		for range 2 { // as after a crash before the outbox forgot the event
			if v, err := w.Send(s.t.Context(), tenant, c); err != nil || v.String() != "done" {
				s.t.Fatal(v, err)
			}
		}
		s.do(func(tx *store.Tx) error { _, err := tx.OutboxDone(c.ID, "test"); return err })
	}
	return len(claims)
}

// deliver runs the deliverer until nothing is due.
func (s *hookShop) deliver() {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.deliverer.Run(ctx) }()
	await.True(s.t, "nothing is due for a webhook", func() bool {
		var due int64
		s.do(func(tx *store.Tx) (err error) {
			due, err = tx.Number(`SELECT COUNT(*) FROM event_delivery d JOIN webhook w ON w.tenant_id = d.tenant_id AND w.id = d.webhook_id WHERE d.state = 'waiting' AND d.next_at <= $1
				AND w.disabled_at IS NULL AND (w.paused_until IS NULL OR w.paused_until <= $1)`, s.clock.Now())
			return err
		})
		return due == 0
	})
	stop()
	if err := <-ended; err != nil {
		s.t.Fatal(err)
	}
}

// bodies returns what a webhook got, and forgets it.
func (s *hookShop) bodies(url string) (out []apiv1.WebhookEvent) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.got {
		var e apiv1.WebhookEvent
		if err := json.Unmarshal([]byte(r.Body), &e); err != nil {
			s.t.Fatal(err)
		}
		if r.URL == url {
			out = append(out, e)
		}
	}
	s.got = slices.DeleteFunc(s.got, func(r events.Request) bool { return r.URL == url })
	return out
}

// TestASlowAnswerHoldsOnlyItsOwnEvent: the other events of a webhook go out meanwhile, also those that happen later.
func TestASlowAnswerHoldsOnlyItsOwnEvent(t *testing.T) {
	s := openHooks(t)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.hook("https://a.example/", events.VendCompleted)
	ends, slow := make(chan struct{}), make(chan struct{}, 1)
	slow <- struct{}{}
	s.answer = func(events.Request) events.Answer {
		select {
		case <-slow: // the first
			<-ends
		default:
		}
		return events.Answer{Status: 204}
	}
	sell := func(from, to int) {
		for i := from; i < to; i++ {
			s.sell(order(meter, 10_000, fmt.Sprintf("key-number-%d", i)))
		}
		s.spread()
		s.deliverer.Kick()
	}
	arrived := func(n int) func() bool {
		return func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.got) == n
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	defer close(ends)
	work.Go(func() {
		if err := s.deliverer.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	sell(0, 9) // more than go out at the same time
	await.True(t, "the first nine events", arrived(9))
	sell(9, 10)
	await.True(t, "a later event", arrived(10))
}

// TestASaleAndItsEventAreOneTransaction: a sale has its event, a sale that is undone or refused has none, and digits are in none.
func TestASaleAndItsEventAreOneTransaction(t *testing.T) {
	s := openHooks(t)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.sell(order(meter, 10_000, "key-number-0")) // nobody wants its event yet
	s.hook("https://a.example/", events.VendCompleted, events.VendReversed)
	s.hook("https://b.example/", events.EndpointOff)
	sold := s.sell(order(meter, 10_000, "key-number-1"))
	s.sell(order(meter, 10_000, "key-number-1")) // the same sale again
	s.refused(order(meter, 0, "key-number-2"), refusal.AmountInvalid)
	s.door.before = func(int) error { return errors.New("killed") }
	if _, err := s.Sell(t.Context(), owner(), order(meter, 10_000, "key-number-3")); err == nil {
		t.Fatal("a sale without a transaction")
	}
	s.door.before = nil
	if n := s.spread(); n != 1 {
		t.Fatalf("%d events, want one of one sale", n)
	}
	s.reversed(owner(), sold.Sale, "mistake")
	rows := s.number(`SELECT COUNT(*) FROM outbox WHERE lane = 'webhook'`)
	undone := errors.New("undone")
	if err := s.engine.Run(t.Context(), tenant, store.Job, func(tx *store.Tx) (bool, error) {
		return false, errors.Join(tx.Announce(events.VendCompleted, func() (events.Event, error) { return events.Event{Type: events.VendCompleted}, nil }), undone)
	}); !errors.Is(err, undone) || s.number(`SELECT COUNT(*) FROM outbox WHERE lane = 'webhook'`) != rows {
		t.Error("an event of a transaction that was undone is queued")
	}
	s.spread()
	s.deliver()
	got := s.bodies("https://a.example/")
	slices.SortFunc(got, func(a, b apiv1.WebhookEvent) int { return int(a.Sequence - b.Sequence) })
	var d apiv1.WebhookVend
	if len(got) != 2 || got[0].Type != "vend.completed" || got[1].Type != "vend.reversed" || got[0].Sequence != 1 || got[1].Sequence != 2 || json.Unmarshal(got[0].Data, &d) != nil ||
		d.Vend != sold.Sale.ID.Text(id.Vend) || d.Meter != meter || d.Amount.AmountMinor != 10_000 || d.ReceiptNo != sold.Sale.ReceiptNo {
		t.Fatalf("got %+v", got)
	}
	for _, e := range got {
		var shown answer
		if err := json.Unmarshal(sold.Reply.Body, &shown); err != nil || len(shown.Digits) == 0 {
			t.Fatal(err)
		}
		if strings.Contains(string(e.Data), shown.Digits[0]) {
			t.Error("the event has the digits of a token")
		}
	}
	if n := len(s.bodies("https://b.example/")); n != 0 {
		t.Errorf("%d events went to a webhook that does not want them", n)
	}
	s.verified()
}

// TestAFailingWebhookDelaysNoOtherAndIsDisabled: the other one gets its events at once. The event keeps its id and body in all attempts, and an
// endpoint that fails for five days is disabled, with an alarm and an event. Enabled again, it gets what waited, and recover sends what failed.
func TestAFailingWebhookDelaysNoOtherAndIsDisabled(t *testing.T) {
	s := openHooks(t)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	bad, good := s.hook("https://bad.example/", events.VendCompleted), "https://good.example/"
	s.hook(good, events.VendCompleted, events.EndpointOff)
	s.answer = func(r events.Request) events.Answer {
		if r.URL == good {
			return events.Answer{Status: 200}
		}
		return events.Answer{Status: 500, Text: "broken"}
	}
	began := s.clock.Now()
	s.sell(order(meter, 10_000, "key-number-1"))
	var ids, texts []string
	sales := 1
	for s.clock.Now().Sub(began) < 6*24*time.Hour {
		s.spread()
		s.deliver()
		s.mu.Lock()
		for _, r := range s.got {
			if r.URL != good && sales == 1 {
				ids, texts = append(ids, r.Event), append(texts, r.Body)
			}
		}
		s.mu.Unlock()
		if sales == 1 && len(ids) == 10 || sales == 2 && s.clock.Now().Sub(began) > 4*24*time.Hour {
			sales++
			s.clock.add(13 * time.Hour)
			s.sell(order(meter, 10_000, "key-number-"+string(rune('0'+sales))))
		}
		s.bodies(bad.URL)
		s.clock.add(2 * time.Hour)
	}
	if len(ids) != 10 || len(slices.Compact(ids)) != 1 || len(slices.Compact(texts)) != 1 {
		t.Errorf("ids %v", ids)
	}
	l, err := s.Webhooks.List(t.Context(), owner(), registry.Page{})
	if err == nil && len(l.Webhooks) == 2 && l.Webhooks[0].URL == good { // made within the same millisecond
		l.Webhooks[0], l.Webhooks[1] = l.Webhooks[1], l.Webhooks[0]
	}
	if err != nil || len(l.Webhooks) != 2 || l.Webhooks[0].Enabled() || l.Webhooks[0].DisabledWhy != events.Failing || !l.Webhooks[1].Enabled() {
		t.Fatalf("%v %+v", err, l.Webhooks)
	}
	s.spread()
	s.deliver()
	got := s.bodies(good)
	if off := got[len(got)-1]; off.Type != "webhook.disabled" || len(got) != sales+1 || len(s.alarms("webhook-disabled")) != 1 {
		t.Errorf("the other webhook got %+v, alarms %v", got, s.alarms("webhook-disabled"))
	}
	s.answer = func(events.Request) events.Answer { return events.Answer{Status: 200} }
	if v, err := s.Webhooks.Recover(t.Context(), owner(), bad.Name(), began); err != nil || v.Code != refusal.WebhookDisabled {
		t.Errorf("recover of a disabled webhook: %v %s", err, v.Code)
	}
	if v, err := s.Webhooks.Enable(t.Context(), owner(), bad.Name()); err != nil || v.Refused() || v.Waits != nil {
		t.Fatal(err, v.Detail())
	}
	r, err := s.Webhooks.Recover(t.Context(), owner(), bad.Name(), began)
	if err != nil || r.Refused() || r.Sent == 0 || r.More {
		t.Fatalf("%v %+v", err, r)
	}
	s.deliver()
	if n := len(s.bodies(bad.URL)); n != sales {
		t.Errorf("%d events after recovery, want %d", n, sales)
	}
	s.verified()
}

// TestWhatAnInsiderGainsByAWebhook: nothing leaves before a second person agrees to this address, and nothing can be added without the right.
func TestWhatAnInsiderGainsByAWebhook(t *testing.T) {
	s := openHooks(t)
	s.fourEyes()
	s.addOwner()
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	clerk := owner()
	clerk.Role = access.Support
	if v, err := s.Webhooks.Add(t.Context(), clerk, events.NewEndpoint{URL: "https://a.example/", Events: []events.Type{events.VendCompleted}}); err != nil || v.Code != refusal.Forbidden {
		t.Errorf("%v %s", err, v.Code)
	}
	for _, url := range []string{"http://a.example/", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://user:pw@a.example/", "ftp://a.example/", "https:///x", "https://a.example/#x", "javascript:alert(1)",
		"https://a.example/" + strings.Repeat("x", events.MaxURL)} {
		if v, err := s.Webhooks.Add(t.Context(), signedIn(), events.NewEndpoint{URL: url, Events: []events.Type{events.VendCompleted}}); err != nil || v.Code != refusal.WebhookInvalid {
			t.Errorf("%s: %v %s", url, err, v.Code)
		}
	}
	v := s.hook("https://a.example/", events.VendCompleted)
	if v.Waits == nil || v.Enabled() || !strings.Contains(v.Waits.Summary, "https://a.example/") {
		t.Fatalf("%+v", v)
	}
	if d, err := s.Webhooks.Test(t.Context(), owner(), v.Name()); err != nil || d.Code != refusal.WebhookDisabled {
		t.Errorf("test event before the approval: %v %s", err, d.Code)
	}
	s.sell(order(meter, 10_000, "key-number-1"))
	s.spread()
	s.deliver()
	if n := len(s.bodies("https://a.example/")); n != 0 {
		t.Errorf("%d events left before a second person agreed", n)
	}
	other := s.hook("https://b.example/", events.VendCompleted)
	s.allow(*v.Waits)
	maker := owner()
	maker.Approval = v.Waits.ID
	if o, err := s.Webhooks.Enable(t.Context(), maker, other.Name()); err == nil && !o.Refused() {
		t.Errorf("the approval of one address enabled another: %+v", o)
	}
	if o, err := s.Webhooks.Enable(t.Context(), maker, v.Name()); err != nil || o.Refused() || o.Waits != nil || !o.Enabled() {
		t.Errorf("%v %+v", err, o)
	}
	s.exec(`UPDATE webhook SET url = 'https://c.example/'`)
	if r := s.after(s.trust(), func(*store.Tx) error { return nil }); r.Sound() {
		t.Error("verify does not find an address that was changed in the database")
	}
}

// TestARotatedSecretSignsForADay: both signatures while it lasts, one afterwards.
func TestARotatedSecretSignsForADay(t *testing.T) {
	s := openHooks(t)
	v := s.hook("https://a.example/", events.VendCompleted)
	r, err := s.Webhooks.Rotate(t.Context(), signedIn(), v.Name())
	if err != nil || r.Refused() || r.Shown.Reveal() == v.Shown.Reveal() || !strings.HasPrefix(r.Shown.Reveal(), events.SecretPrefix) {
		t.Fatal(err, r.Detail())
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 2}, {events.RotationTime - time.Second, 2}, {time.Second, 1}} {
		s.clock.add(c.after)
		if d, err := s.Webhooks.Test(t.Context(), owner(), v.Name()); err != nil || d.Refused() {
			t.Fatal(err, d.Detail())
		}
		s.deliver()
		s.mu.Lock()
		last := s.got[len(s.got)-1]
		s.mu.Unlock()
		if n := len(strings.Fields(last.Signature)); n != c.want || !last.At.Equal(s.clock.Now()) {
			t.Errorf("%d signatures %s later, want %d", n, c.after, c.want)
		}
	}
}

// signsWith reports whether the next event to a webhook has a signature of a secret. A removed webhook gets no event.
func (s *hookShop) signsWith(v events.View, secret string) bool {
	s.t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, events.SecretPrefix))
	if err != nil {
		s.t.Fatal(err)
	}
	d, err := s.Webhooks.Test(s.t.Context(), owner(), v.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	if d.Refused() {
		return false
	}
	s.deliver()
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.got[len(s.got)-1]
	return slices.Contains(strings.Fields(last.Signature), events.Sign([][]byte{key}, last.Event, last.At, last.Body))
}

// TestTheSecretOfAWebhookEnds: a day after its replacement, or when the webhook is removed.
func TestTheSecretOfAWebhookEnds(t *testing.T) {
	s := openHooks(t)
	v := s.hook("https://a.example/", events.VendCompleted)
	first := v.Shown.Reveal()
	r, err := s.Webhooks.Rotate(t.Context(), signedIn(), v.Name())
	if err != nil || r.Refused() {
		t.Fatal(err, r.Detail())
	}
	second := r.Shown.Reveal()
	await.Ends(t, await.Credential{Kind: "webhook secret", Works: func() bool { return s.signsWith(v, first) }, End: func() { s.clock.add(events.RotationTime) }})
	await.Ends(t, await.Credential{Kind: "webhook secret", Works: func() bool { return s.signsWith(v, second) }, End: func() {
		if out, err := s.Webhooks.Remove(t.Context(), owner(), v.Name()); err != nil || out.Refused() {
			t.Fatal(err, out.Detail())
		}
	}})
}
