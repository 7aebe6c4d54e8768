package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// stripeEvent is an event as GET /v1/events lists it.
type stripeEvent struct {
	id, kind string
	at       time.Time
	body     []byte
}

const (
	maxEvents  = 100_000
	eventsPage = 100
	eventsFor  = 30 * 24 * time.Hour
)

// stripeRetries are the waits between tries: three days in all, each wait longer.
func stripeRetries() []time.Duration {
	out := []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute}
	for _, hours := range []int{1, 2, 4, 8, 12, 12, 12, 12, 8} {
		out = append(out, time.Duration(hours)*time.Hour)
	}
	return out
}

// stripeSignature signs a body: t is the time of the try, v1 the HMAC-SHA256 of "t.body" by the secret as it is written.
func stripeSignature(secret string, body []byte, now time.Time) string {
	t := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// event makes an event about an object and sends it. The altered amount is only in what is sent; the list has the right one.
func (s *Simulator) event(kind, about string, amount int64, object func(amount int64) map[string]any) {
	now, id := s.now(), s.name("evt_", 24, true)
	write := func(amount int64) []byte {
		return encode(map[string]any{"id": id, "object": "event", "api_version": "2025-09-30.clover", "created": now.Unix(), "type": kind, "livemode": false,
			"pending_webhooks": 1, "request": map[string]any{"id": nil, "idempotency_key": nil}, "data": map[string]any{"object": object(amount)}})
	}
	if len(s.events) >= maxEvents {
		s.events = append(s.events[:0], s.events[maxEvents/10:]...)
	}
	s.events = append(s.events, stripeEvent{id: id, kind: kind, at: now, body: write(amount)})
	end := s.services[Stripe].endpoint
	s.tell(callback{provider: Stripe, kind: kind, payment: about, url: end.URL, amount: amount, build: write, sign: stripeSigner(end.Secret), retry: stripeRetries()})
}

func stripeSigner(secret string) func([]byte, time.Time) http.Header {
	return func(body []byte, now time.Time) http.Header {
		return http.Header{"Stripe-Signature": {stripeSignature(secret, body, now)}, "User-Agent": {"Stripe/1.0 (+https://stripe.com/docs/webhooks)"}}
	}
}

// resolveSession does what the customer does on the page. Leaving it or a declined card keeps the session open.
func (s *Simulator) resolveSession(now time.Time, p *payment, do Act) {
	switch do {
	case ActPay, ActLate:
		s.take(now, p)
	case ActFunds, ActPIN, ActLimit, ActUnreachable:
		s.event("payment_intent.payment_failed", p.Request, p.Amount, func(amount int64) map[string]any { return intentOf(p, amount) })
	case ActExpire:
		s.refuse(p, Expired, "", "")
		s.event("checkout.session.expired", p.Request, p.Amount, func(amount int64) map[string]any { return sessionOf(p, amount) })
	case ActAsync, ActAsyncFail:
		p.async = true
		s.event("checkout.session.completed", p.Request, p.Amount, func(amount int64) map[string]any { return sessionOf(p, amount) })
		s.after(asyncBy, func(now time.Time) { s.settleAsync(now, p, do == ActAsync) })
	}
}

// settleAsync ends a payment by a slow method.
func (s *Simulator) settleAsync(now time.Time, p *payment, paid bool) {
	if paid {
		s.take(now, p)
		return
	}
	s.refuse(p, Failed, "", "")
	s.event("checkout.session.async_payment_failed", p.Request, p.Amount, func(amount int64) map[string]any { return sessionOf(p, amount) })
}

// tellSession sends the events of a payment. Stripe promises no order.
func (s *Simulator) tellSession(_ time.Time, p *payment) {
	kind := "checkout.session.completed"
	if p.async {
		kind = "checkout.session.async_payment_succeeded"
	}
	s.event("charge.succeeded", p.ID, p.Amount, func(amount int64) map[string]any { return chargeOf(p, amount) })
	s.event("payment_intent.succeeded", p.ID, p.Amount, func(amount int64) map[string]any { return intentOf(p, amount) })
	s.event(kind, p.ID, p.Amount, func(amount int64) map[string]any { return sessionOf(p, amount) })
}

// tellStripeRefund makes the refund that an entry booked, and its events.
func (s *Simulator) tellStripeRefund(p *payment, e Entry, reason string) refund {
	r := refund{id: s.name("re_", 24, true), p: p, amount: -e.Amount, at: e.At, reason: reason}
	s.refunds[r.id] = r
	s.event("refund.created", r.id, r.amount, func(amount int64) map[string]any {
		out := r.stripe()
		out["amount"] = amount
		return out
	})
	s.event("charge.refunded", r.id, p.Amount, func(amount int64) map[string]any { return chargeOf(p, amount) })
	return r
}

// tellDispute sends the events of a chargeback.
func (s *Simulator) tellDispute(p *payment, e Entry) {
	id := s.name("du_", 24, true)
	dispute := func(state string) func(amount int64) map[string]any {
		return func(amount int64) map[string]any {
			return map[string]any{"id": id, "object": "dispute", "amount": amount, "currency": sessionOf(p, amount)["currency"], "charge": chargeID(p), "payment_intent": p.intent,
				"reason": "fraudulent", "status": state, "created": e.At.Unix(), "livemode": false, "metadata": map[string]string{}}
		}
	}
	s.event("charge.dispute.created", id, -e.Amount, dispute("needs_response"))
	s.event("charge.dispute.funds_withdrawn", id, -e.Amount, dispute("needs_response"))
}

// listEvents lists events, the newest first: of a type, after a time, before an event.
func (s *Simulator) listEvents(c call) answer {
	q := c.URL.Query()
	since := c.now.Add(-eventsFor)
	if text := q.Get("created[gte]"); text != "" {
		unix, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return wrongParam("created[gte]")
		}
		since = time.Unix(unix, 0)
	}
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 || limit > eventsPage {
		limit = 10
	}
	wanted, before := append(q["types[]"], q["type"]...), q.Get("starting_after")
	page := []json.RawMessage{}
	more := false
	for _, e := range slices.Backward(s.events) {
		if before != "" {
			if e.id == before {
				before = ""
			}
			continue
		}
		if e.at.Before(since.Truncate(time.Second)) || len(wanted) > 0 && !slices.Contains(wanted, e.kind) {
			continue
		}
		if more = len(page) == limit; more {
			break
		}
		page = append(page, e.body)
	}
	return answer{status: http.StatusOK, body: map[string]any{"object": "list", "url": "/v1/events", "has_more": more, "data": page}}
}

func (s *Simulator) showEvent(c call) answer {
	for _, e := range s.events {
		if e.id == c.PathValue("id") {
			return answer{status: http.StatusOK, body: json.RawMessage(e.body)}
		}
	}
	return noSuch("event", c.PathValue("id"))
}
