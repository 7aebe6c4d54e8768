package provider_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

const stripeSecret = "whsec_simulator"

func stripeHead() map[string]string {
	return map[string]string{"Authorization": "Bearer sk_test_simulator"}
}

func newStripe(t *testing.T) *merchant {
	t.Helper()
	m := newMerchant(t, provider.Config{})
	if err := m.sim.SetEndpoint(provider.Stripe, provider.Endpoint{URL: m.own + "/stripe", Secret: stripeSecret}); err != nil {
		t.Fatal(err)
	}
	return m
}

// session opens a checkout of 500.00.
func (m *merchant) session() map[string]any {
	m.t.Helper()
	status, out := m.ask("POST", "/stripe/v1/checkout/sessions", stripeHead(), sessionForm(m))
	if status != 200 {
		m.t.Fatalf("%d %v", status, out)
	}
	return out
}

func sessionForm(m *merchant) url.Values {
	return url.Values{"mode": {"payment"}, "success_url": {m.own + "/thanks?s={CHECKOUT_SESSION_ID}"}, "cancel_url": {m.own + "/back"}, "client_reference_id": {"req-1"},
		"line_items[0][price_data][currency]": {"kes"}, "line_items[0][price_data][unit_amount]": {"25000"}, "line_items[0][price_data][product_data][name]": {"Power"},
		"line_items[0][quantity]": {"2"}, "metadata[meter]": {"04140001001"}, "customer_email": {"amina@example.org"}}
}

// events returns the events that arrived, by type, after checking their signatures.
func (m *merchant) events() map[string][]map[string]any {
	m.t.Helper()
	out := map[string][]map[string]any{}
	for _, g := range m.at("/stripe") {
		if !stripeSigned(g) {
			m.t.Errorf("wrong signature: %v", g.head)
		}
		e := object(m.t, g.body)
		out[e["type"].(string)] = append(out[e["type"].(string)], e)
	}
	return out
}

// stripeSigned checks the signature and that it is at most five minutes old.
func stripeSigned(g got) bool {
	t, v1, _ := strings.Cut(g.head.Get("Stripe-Signature"), ",")
	t, v1 = strings.TrimPrefix(t, "t="), strings.TrimPrefix(v1, "v1=")
	mac := hmac.New(sha256.New, []byte(stripeSecret))
	io.WriteString(mac, t+"."+string(g.body))
	unix, err := strconv.ParseInt(t, 10, 64)
	return err == nil && hex.EncodeToString(mac.Sum(nil)) == v1 && g.at.Sub(time.Unix(unix, 0)).Abs() <= 5*time.Minute
}

func TestACheckoutIsPaidOnItsPage(t *testing.T) {
	m := newStripe(t)
	s := m.session()
	want(t, "session", s, map[string]any{"object": "checkout.session", "status": "open", "payment_status": "unpaid", "amount_total": 50_000.0, "currency": "kes", "client_reference_id": "req-1",
		"metadata.meter": "04140001001", "payment_intent": nil})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := client.Get(s["url"].(string))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(page.Body)
	if err != nil || !strings.Contains(string(text), "500.00 KES") {
		t.Errorf("page %s, %v", text, err)
	}
	page.Body.Close()
	done, err := client.PostForm(s["url"].(string), url.Values{"do": {"pay"}})
	if err != nil {
		t.Fatal(err)
	}
	done.Body.Close()
	if done.StatusCode != 303 || done.Header.Get("Location") != m.own+"/thanks?s="+s["id"].(string) {
		t.Errorf("after paying: %s %s", done.Status, done.Header.Get("Location"))
	}
	m.advance(0)
	for method, w := range map[string]int{"GET": 200, "POST": 303} { // looking at the page again pays nothing and leads nowhere
		req, err := http.NewRequest(method, m.url+"/checkout/"+s["id"].(string), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != w {
			t.Errorf("%s of a paid page: %s", method, resp.Status)
		}
	}
	paid := m.sim.Books().Payments[0]
	e := m.events()
	if len(e["checkout.session.completed"]) != 1 || len(e["payment_intent.succeeded"]) != 1 || len(e["charge.succeeded"]) != 1 {
		t.Fatalf("events %v", e)
	}
	want(t, "event", e["checkout.session.completed"][0], map[string]any{"object": "event", "livemode": false, "data.object.id": s["id"], "data.object.payment_status": "paid",
		"data.object.amount_total": 50_000.0, "data.object.payment_intent": paid.ID, "data.object.metadata.meter": "04140001001"})
	_, again := m.ask("GET", "/stripe/v1/checkout/sessions/"+s["id"].(string), stripeHead(), nil)
	want(t, "paid session", again, map[string]any{"status": "complete", "payment_status": "paid", "payment_intent": paid.ID, "url": nil})
	_, intent := m.ask("GET", "/stripe/v1/payment_intents/"+paid.ID, stripeHead(), nil)
	want(t, "payment_intent", intent, map[string]any{"status": "succeeded", "amount_received": 50_000.0})
}

func TestASlowMethodCompletesUnpaid(t *testing.T) {
	for do, w := range map[provider.Act]string{provider.ActAsync: "async_payment_succeeded", provider.ActAsyncFail: "async_payment_failed"} {
		m := newStripe(t)
		id := m.session()["id"].(string)
		if _, err := m.sim.Answer(provider.Stripe, id, do); err != nil {
			t.Fatal(err)
		}
		m.advance(time.Minute)
		_, open := m.ask("GET", "/stripe/v1/checkout/sessions/"+id, stripeHead(), nil)
		_, intent := m.ask("GET", "/stripe/v1/payment_intents/"+open["payment_intent"].(string), stripeHead(), nil)
		want(t, "open payment_intent", intent, map[string]any{"status": "processing", "latest_charge": nil})
		want(t, "completed", m.events()["checkout.session.completed"][0], map[string]any{"data.object.payment_status": "unpaid", "data.object.status": "complete"})
		m.advance(time.Hour)
		state := map[bool]any{true: "paid", false: "unpaid"}[do == provider.ActAsync]
		e := m.events()
		if len(e["checkout.session."+w]) != 1 || len(e["checkout.session.completed"]) != 1 {
			t.Fatalf("events %v", e)
		}
		want(t, w, e["checkout.session."+w][0], map[string]any{"data.object.payment_status": state})
		_, now := m.ask("GET", "/stripe/v1/checkout/sessions/"+id, stripeHead(), nil)
		want(t, "session", now, map[string]any{"status": "complete", "payment_status": state})
		_, intent = m.ask("GET", "/stripe/v1/payment_intents/"+now["payment_intent"].(string), stripeHead(), nil)
		want(t, "payment_intent", intent, map[string]any{"status": map[bool]any{true: "succeeded", false: "requires_payment_method"}[do == provider.ActAsync]})
	}
}

func TestADeclinedCardLeavesTheSessionOpenUntilItExpires(t *testing.T) {
	m := newStripe(t)
	id := m.session()["id"].(string)
	if _, err := m.sim.Answer(provider.Stripe, id, provider.ActPIN); err != nil {
		t.Fatal(err)
	}
	m.advance(24 * time.Hour)
	e := m.events()
	if len(e["payment_intent.payment_failed"]) != 1 || len(e["checkout.session.expired"]) != 1 || m.sim.Books().Payments[0].State != provider.Expired {
		t.Errorf("events %v", e)
	}
	if status, _ := m.ask("POST", "/stripe/v1/checkout/sessions/"+id+"/expire", stripeHead(), url.Values{}); status != 400 {
		t.Errorf("expired twice: %d", status)
	}
}

func TestRefundsAndDisputes(t *testing.T) {
	m := newStripe(t)
	var ids []string
	for range 2 {
		p, err := m.sim.Pay(provider.Order{Provider: provider.Stripe, Request: m.session()["id"].(string)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.ID)
	}
	status, r := m.ask("POST", "/stripe/v1/refunds", stripeHead(), url.Values{"payment_intent": {ids[0]}, "amount": {"20000"}})
	want(t, "refund", r, map[string]any{"object": "refund", "amount": 20_000.0, "status": "succeeded", "payment_intent": ids[0]})
	if status != 200 {
		t.Errorf("status %d", status)
	}
	if status, out := m.ask("POST", "/stripe/v1/refunds", stripeHead(), url.Values{"payment_intent": {ids[0]}, "amount": {"30001"}}); status != 400 {
		t.Errorf("more than there is: %d %v", status, out)
	}
	if status, _ := m.ask("POST", "/stripe/v1/refunds", stripeHead(), url.Values{"payment_intent": {ids[0]}}); status != 200 {
		t.Errorf("the rest: %d", status)
	}
	if _, err := m.sim.ChargeBack(provider.Stripe, ids[1]); err != nil {
		t.Fatal(err)
	}
	if status, out := m.ask("POST", "/stripe/v1/refunds", stripeHead(), url.Values{"charge": {"ch_" + strings.TrimPrefix(ids[1], "pi_")}}); status != 400 || out["error"].(map[string]any)["code"] != "charge_disputed" {
		t.Errorf("a refund of a disputed charge: %d %v", status, out)
	}
	if status, out := m.ask("GET", "/stripe/v1/refunds/"+r["id"].(string), stripeHead(), nil); status != 200 || out["amount"] != 20_000.0 {
		t.Errorf("the first refund: %d %v", status, out)
	}
	m.advance(time.Second)
	e := m.events()
	if len(e["charge.refunded"]) != 2 || len(e["charge.dispute.created"]) != 1 {
		t.Fatalf("events %v", e)
	}
	want(t, "partly refunded", e["charge.refunded"][0], map[string]any{"data.object.amount_refunded": 20_000.0, "data.object.refunded": false})
	want(t, "refunded", e["charge.refunded"][1], map[string]any{"data.object.amount_refunded": 50_000.0, "data.object.refunded": true})
	want(t, "dispute", e["charge.dispute.created"][0], map[string]any{"data.object.amount": 50_000.0, "data.object.payment_intent": ids[1], "data.object.status": "needs_response"})
	b := m.sim.Books()
	if b.Payments[0].State != provider.Refunded || b.Payments[1].State != provider.ChargedBack || total(t, b, provider.Stripe).Balance != 0 {
		t.Errorf("books %+v", b)
	}
}

func TestAnIdempotencyKeyRepeatsTheAnswer(t *testing.T) {
	m := newStripe(t)
	head := stripeHead()
	head["Idempotency-Key"] = "k1"
	form := sessionForm(m)
	_, first := m.ask("POST", "/stripe/v1/checkout/sessions", head, form)
	_, second := m.ask("POST", "/stripe/v1/checkout/sessions", head, form)
	if first["id"] != second["id"] || len(m.sim.Books().Payments) != 1 {
		t.Errorf("%v and %v", first["id"], second["id"])
	}
	form.Set("line_items[0][quantity]", "3")
	if status, out := m.ask("POST", "/stripe/v1/checkout/sessions", head, form); status != 400 {
		t.Errorf("other parameters: %d %v", status, out)
	}
	if status, _ := m.ask("POST", "/stripe/v1/checkout/sessions", nil, form); status != 401 {
		t.Errorf("no key: %d", status)
	}
}

// TestEventsAreTriedAgainAndListed: an endpoint that fails gets the event again, with a new signature, and the list has it always.
func TestEventsAreTriedAgainAndListed(t *testing.T) {
	m := newStripe(t)
	fails := 2
	m.answer = func(got) (int, string) {
		if fails--; fails >= 0 {
			return 500, ""
		}
		return 200, ""
	}
	id := m.session()["id"].(string)
	if _, err := m.sim.Answer(provider.Stripe, id, provider.ActExpire); err != nil {
		t.Fatal(err)
	}
	m.advance(72 * time.Hour)
	e := m.events()["checkout.session.expired"]
	if len(e) != 3 || e[0]["id"] != e[2]["id"] {
		t.Fatalf("%d tries, want 3", len(e))
	}
	if tries := m.at("/stripe"); tries[0].head.Get("Stripe-Signature") == tries[1].head.Get("Stripe-Signature") {
		t.Error("the second try has the signature of the first")
	}
	_, list := m.ask("GET", "/stripe/v1/events?type=checkout.session.expired", stripeHead(), nil)
	if data := list["data"].([]any); len(data) != 1 || data[0].(map[string]any)["id"] != e[0]["id"] {
		t.Errorf("list %v", list)
	}
}

func TestWrongSessionsAreRefused(t *testing.T) {
	m := newStripe(t)
	at := func(d time.Duration) string { return strconv.FormatInt(start.Add(d).Unix(), 10) }
	for _, c := range []struct{ name, value string }{{"mode", "setup"}, {"success_url", "x"}, {"line_items[0][price_data][unit_amount]", "x"}, {"line_items[0][price_data][unit_amount]", "0"},
		{"line_items[0][quantity]", "0"}, {"line_items[0][price_data][currency]", "xxx"}, {"line_items[1][price_data][unit_amount]", "5"}, {"expires_at", "x"}, {"expires_at", at(29 * time.Minute)},
		{"expires_at", at(25 * time.Hour)}} {
		form := sessionForm(m)
		form.Set(c.name, c.value)
		if status, out := m.ask("POST", "/stripe/v1/checkout/sessions", stripeHead(), form); status != 400 || out["error"].(map[string]any)["type"] != "invalid_request_error" {
			t.Errorf("%s %s: %d %v", c.name, c.value, status, out)
		}
	}
	form := sessionForm(m)
	form.Set("expires_at", at(30*time.Minute))
	_, out := m.ask("POST", "/stripe/v1/checkout/sessions", stripeHead(), form)
	m.advance(30 * time.Minute)
	_, out = m.ask("GET", "/stripe/v1/checkout/sessions/"+out["id"].(string), stripeHead(), nil)
	want(t, "session", out, map[string]any{"status": "expired"})
	for _, path := range []string{"checkout/sessions/x", "payment_intents/x", "refunds/x", "events/x"} {
		if status, out := m.ask("GET", "/stripe/v1/"+path, stripeHead(), nil); status != 404 || out["error"].(map[string]any)["code"] != "resource_missing" {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
}

func TestTheListOfEventsHasPages(t *testing.T) {
	m := newStripe(t)
	var paid []string
	for range 7 {
		p, err := m.sim.Pay(provider.Order{Provider: provider.Stripe, Request: m.session()["id"].(string)})
		if err != nil {
			t.Fatal(err)
		}
		paid = append(paid, p.ID)
		m.advance(time.Minute)
	}
	var seen []string
	for query := "?limit=4&types[]=checkout.session.completed&types[]=x"; ; {
		_, out := m.ask("GET", "/stripe/v1/events"+query, stripeHead(), nil)
		var last string
		for _, e := range out["data"].([]any) {
			one := e.(map[string]any)
			last = one["id"].(string)
			seen = append(seen, one["data"].(map[string]any)["object"].(map[string]any)["payment_intent"].(string))
		}
		if out["has_more"] != true {
			break
		}
		query = "?limit=4&types[]=checkout.session.completed&starting_after=" + last
	}
	slices.Reverse(seen)
	if !slices.Equal(seen, paid) {
		t.Errorf("listed %v, want %v", seen, paid)
	}
	since := strconv.FormatInt(start.Add(5*time.Minute).Unix(), 10)
	_, out := m.ask("GET", "/stripe/v1/events?type=charge.succeeded&created[gte]="+since, stripeHead(), nil)
	if n := len(out["data"].([]any)); n != 2 {
		t.Errorf("%d events of the last two payments", n)
	}
	event := out["data"].([]any)[0].(map[string]any)
	if _, one := m.ask("GET", "/stripe/v1/events/"+event["id"].(string), stripeHead(), nil); one["type"] != "charge.succeeded" {
		t.Errorf("one event: %v", one)
	}
}

func TestAnEndpointThatNeverAnswersIsTriedForThreeDays(t *testing.T) {
	m := newStripe(t)
	m.answer = func(got) (int, string) { return 500, "" }
	id := m.session()["id"].(string)
	if _, err := m.sim.Answer(provider.Stripe, id, provider.ActExpire); err != nil {
		t.Fatal(err)
	}
	m.advance(200 * time.Hour)
	tries := m.at("/stripe")
	last := tries[len(tries)-1].at.Sub(start)
	if len(tries) != 13 || last < 71*time.Hour || last > 73*time.Hour || tries[1].at.Sub(start) != time.Minute || tries[2].at.Sub(tries[1].at) != 5*time.Minute {
		t.Errorf("%d tries, the last after %s", len(tries), last)
	}
	m.answer = func(got) (int, string) { return 410, "" }
	if _, err := m.sim.Answer(provider.Stripe, m.session()["id"].(string), provider.ActExpire); err != nil {
		t.Fatal(err)
	}
	m.advance(time.Hour)
	if n := len(m.at("/stripe")); n != 14 {
		t.Errorf("%d tries at an address that is gone, want 1", n-13)
	}
}
