package api_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/config"
)

// withLog is a server whose only route for messages is its log.
func withLog(t *testing.T) *world {
	t.Helper()
	w := folder(t)
	w.routes = []config.Route{{Name: "paper", Kind: config.RouteLog, Cost: 800_000}, {Name: "second", Kind: config.RouteLog, Meters: true}}
	w.serve(true, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", newMeter(meterNumber)))
	return w
}

// messageShown is a message as these tests read it.
type messageShown struct {
	ID, State, Purpose, Phone, Meter, Token, Sale, Route, Text, Failure string
	CostMicro                                                           int64 `json:"cost_micro"`
	Attempts                                                            []struct {
		Route, Outcome string
	}
}

// message waits until a message is in a state.
func (w *world) message(id, state string) (m messageShown) {
	w.t.Helper()
	await.True(w.t, "message "+id+" is "+state, func() bool {
		m = decode[messageShown](w.t, w.want(200, w.get("/v1/messages/"+id)))
		return m.State == state
	})
	return m
}

func deliver(body, routes string) string {
	return strings.TrimSuffix(body, "}") + `,"deliver":[` + routes + `]}`
}

// TestASaleIsDeliveredByMessageOrRefused: a message without a destination is refused before money moves.
func TestASaleIsDeliveredByMessageOrRefused(t *testing.T) {
	none := begin(t)
	if a := none.sell("message-0001", deliver(order("10000"), `"sms"`)); a.status != 400 {
		t.Errorf("by sms on a server without a route: status %d, want 400: %s", a.status, a.body)
	}
	w := withLog(t)
	a := w.sell("message-0001", deliver(order("10000"), `"meter_sms"`))
	if _, moved := w.problem(a); a.status != 400 || moved != "no" || !strings.Contains(string(a.body), "sim_phone") {
		t.Errorf("to a meter without a SIM: status %d, money moved %s: %s; want 400, no, and what to register", a.status, moved, a.body)
	}
	w.want(200, w.post("/v1/meters/"+meterNumber+"/sim", `{"sim_phone":"+254 700 000 200"}`))
	s := decode[sale](t, w.want(201, w.sell("message-0002", deliver(order("10000"), `"sms","meter_sms"`))))
	list := decode[struct{ Data []messageShown }](t, w.want(200, w.get("/v1/messages?sale="+s.ID)))
	if len(list.Data) != 2 {
		t.Fatalf("the sale has %d messages, want 2", len(list.Data))
	}
	phones := map[string]string{"token": "+254700000001 by paper", "meter-sms": "+254700000200 by second"}
	for _, m := range list.Data {
		got := w.message(m.ID, "sent")
		if way := got.Phone + " by " + got.Route; way != phones[m.Purpose] || got.Sale != s.ID || got.Token == "" {
			t.Errorf("message %s went to %s for %s, want %s", m.Purpose, way, got.Sale, phones[m.Purpose])
		}
	}
	w.want(200, w.get("/v1/messages?format=csv&state=sent"))
	w.want(201, w.post("/v1/meters", strings.Replace(newMeter("04140001019"), `,"phone":"+254700000001"`, "", 1)))
	b := w.sell("message-0003", deliver(strings.Replace(order("10000"), meterNumber, "04140001019", 1), `"sms"`))
	if b.status != 400 || !strings.Contains(string(b.body), "telephone") {
		t.Errorf("to a customer without a telephone: status %d: %s; want 400", b.status, b.body)
	}
}

func TestMessagesThatAPersonWants(t *testing.T) {
	w := withLog(t)
	text := decode[messageShown](t, w.want(202, w.post("/v1/messages", `{"phone":"+254 700 000 001","text":"closed today","route":"second"}`)))
	sent := w.message(text.ID, "sent")
	if sent.Route != "second" || sent.Phone != "+254700000001" || len(sent.Attempts) != 1 || sent.Attempts[0].Outcome != "accepted" {
		t.Errorf("got %+v, want one accepted try by the route that was named", sent)
	}
	again := decode[messageShown](t, w.want(202, w.post("/v1/messages/"+text.ID+"/retry", `{"route":"paper"}`)))
	if got := w.message(again.ID, "sent"); len(got.Attempts) != 2 || got.Attempts[1].Route != "paper" || got.CostMicro != 800_000 {
		t.Errorf("sent once more: %+v, want a second try by paper that costs 800000", got)
	}
	s := decode[sale](t, w.want(201, w.sell("message-0004", order("10000"))))
	digits := s.Tokens[0].Digits
	token := decode[messageShown](t, w.want(202, w.post("/v1/messages", `{"meter":"`+meterNumber+`","token":"`+digits+`","via":"sms"}`)))
	if got := w.message(token.ID, "sent"); got.Phone != "+254700000001" || got.Text != "" {
		t.Errorf("a token by its digits went to %s with text %q, want the registered telephone and no text kept", got.Phone, got.Text)
	}
	for _, bad := range []string{
		`{"phone":"+254700000001","text":"your token is ` + digits + `"}`, `{"meter":"` + meterNumber + `","via":"sms","phone":"+254799999999"}`,
		`{"meter":"` + meterNumber + `","via":"pigeon"}`, `{"text":"hello"}`, `{"phone":"12","text":"hello"}`, `{"phone":"+254700000001","text":"x","route":"pigeon"}`,
		`{"meter":"` + meterNumber + `","via":"meter_sms"}`,
	} {
		if a := w.post("/v1/messages", bad); a.status != 400 {
			t.Errorf("%s: status %d, want 400: %s", strings.ReplaceAll(bad, digits, "DIGITS"), a.status, a.body)
		}
	}
	routes := decode[struct {
		Routes []struct{ Name, State string }
		Months []struct{ Messages int64 }
	}](t, w.want(200, w.get("/v1/message-routes")))
	if len(routes.Routes) != 2 || routes.Routes[0].Name != "paper" || routes.Routes[0].State != "up" || len(routes.Months) != 2 {
		t.Errorf("got routes %+v, want both up with a month each", routes)
	}
	if log := w.log.String(); strings.Contains(log, digits) || strings.Contains(log, "closed today") {
		t.Error("the text of a message stands in the log")
	}
}

// TestAMessageThatIsAskedForTwiceUnderOneKeyIsOne: two requests under one key make one message. Without a key each request
// makes another message.
func TestAMessageThatIsAskedForTwiceUnderOneKeyIsOne(t *testing.T) {
	w := withLog(t)
	const hello, other = `{"phone":"+254700000001","text":"closed today"}`, `{"phone":"+254700000001","text":"open today"}`
	ask := func(key, body string) answer {
		return w.ask("POST", "/v1/messages", w.key, body, "Idempotency-Key", key)
	}
	first := w.want(202, ask("message-key-1", hello))
	for range 3 {
		again := w.want(202, ask("message-key-1", strings.Replace(hello, ",", ", ", 1)))
		if string(again.body) != string(first.body) || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("the same request: %s replayed=%q, want %s", again.body, again.header.Get("Idempotency-Replayed"), first.body)
		}
	}
	if a := ask("message-key-1", other); a.status != 422 || !strings.Contains(string(a.body), "idempotency-key-reused") {
		t.Errorf("another text under the key: status %d: %s, want 422 idempotency-key-reused", a.status, a.body)
	}
	w.want(202, ask("message-key-2", hello))
	w.want(202, w.post("/v1/messages", hello))
	list := decode[struct{ Data []messageShown }](t, w.want(200, w.get("/v1/messages?phone=%2B254700000001")))
	if len(list.Data) != 3 {
		t.Errorf("%d messages, want 3: one of each key and one without", len(list.Data))
	}
}

// TestWhoHasSaidStopGetsNoTexts: a customer who wants no warnings gets no texts. Also, a SIM's number belongs to one meter.
func TestWhoHasSaidStopGetsNoTexts(t *testing.T) {
	w := withLog(t)
	m := decode[struct{ Customer struct{ ID string } }](t, w.want(200, w.get("/v1/meters/"+meterNumber)))
	w.want(200, w.post("/v1/customers/"+m.Customer.ID, `{"notices":false,"lang":"sw"}`))
	got := decode[messageShown](t, w.want(202, w.post("/v1/messages", `{"meter":"`+meterNumber+`","text":"news"}`)))
	if got.State != "suppressed" || !strings.Contains(got.Failure, "STOP") {
		t.Errorf("a text is %s (%s), want suppressed because of STOP", got.State, got.Failure)
	}
	w.want(201, w.post("/v1/meters", newMeter("04140001019")))
	w.want(200, w.post("/v1/meters/"+meterNumber+"/sim", `{"sim_phone":"+254700000200"}`))
	if a := w.post("/v1/meters/04140001019/sim", `{"sim_phone":"254700000200"}`); a.status != 400 || !strings.Contains(string(a.body), meterNumber) {
		t.Errorf("the SIM of another meter: status %d: %s; want 400 that names the meter", a.status, a.body)
	}
	if a := w.post("/v1/meters/04140001019/sim", `{"sim_phone":"0700000200"}`); a.status != 400 {
		t.Errorf("a number without its country: status %d, want 400", a.status)
	}
}
