package hostile_test

import (
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/gateway"
	"github.com/paywatt/paywatt/internal/gsm/hook"
	"github.com/paywatt/paywatt/internal/gsm/kannel"
	"github.com/paywatt/paywatt/internal/gsm/smpp"
	"github.com/paywatt/paywatt/internal/hostile"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/poster"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	"github.com/paywatt/paywatt/internal/reach"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/webhook"
)

// door measures one body at one door against the limits of a file, and logs the figure.
func door(t *testing.T, where, name string, do func()) {
	t.Helper()
	var cost hostile.Cost
	for range 3 { // another program may disturb a measurement
		if cost = hostile.Measure(do); !cost.TooMuch() {
			break
		}
	}
	report := t.Logf
	if cost.TooMuch() {
		report = t.Errorf
	}
	report("%-22s %-50s %6.3f s %6.1f MB", where, name, cost.Time.Seconds(), float64(cost.Memory)/(1<<20))
}

// some returns the names of a table in their order: all of them, or those that the ordinary check reads.
func some[T any](all map[string]T, quick ...string) []string {
	names := slices.Sorted(maps.Keys(all))
	if tier.IsLong() {
		return names
	}
	return slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(quick, name) })
}

// setup is how a kind of provider is opened, the codes of its calls, and where its answers and calls have lists.
type setup struct {
	config, secrets string
	calls           []string
	lists           [][]string
}

// providers has every kind. SIM stands for the provider's address.
func providers() map[string]setup {
	whsec := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	return map[string]setup{
		"airtel": {`{"url": "SIM", "country": "KE", "currency": "KES", "dial": "254"}`, `{"client_id": "a", "client_secret": "b", "hash": "c"}`, []string{""},
			[][]string{{"transaction"}, {"data", "transaction"}}},
		"flutterwave": {`{"url": "SIM", "email": "power@example.org", "return_url": "https://power.example/thanks"}`, `{"key": "a", "hash": "b"}`, []string{""}, [][]string{{"data"}}},
		"momo":        {`{"url": "SIM", "environment": "mtnkenya"}`, `{"api_user": "u", "api_key": "k", "subscription_key": "s"}`, []string{"", "r", "c"}, [][]string{{"reason"}}},
		"mpesa": {`{"base_url": "SIM", "short_code": "600000", "till": "5012345", "initiator": "api", "pull": "254722000000"}`,
			`{"consumer_key": "k", "consumer_secret": "s", "passkey": "p", "security_credential": "c"}`, []string{"c", "v", "s", "r", "t", "b", "p"},
			[][]string{{"Response"}, {"Result", "ResultParameters", "ResultParameter"}, {"Body", "stkCallback", "CallbackMetadata", "Item"}}},
		"paystack":  {`{"url": "SIM", "email": "power@example.org", "return_url": "https://power.example/thanks"}`, `{"key": "sk_test_simulator"}`, []string{""}, [][]string{{"data"}}},
		"sms":       {`{"senders": ["MPESA"], "currency": "KES", "patterns": [{"text": "(?P<txn>[A-Z0-9]{10}) Confirmed.* Ksh(?P<amount>[0-9,.]+) received from .*? (?P<payer>[0-9]+)\\. Account Number (?P<reference>.*) New"}]}`, `{"secret": "0123456789abcdef0123456789abcdef"}`, []string{""}, [][]string{{"text"}}},
		"stripe":    {`{"url": "SIM", "success_url": "https://power.example/thanks"}`, `{"key": "sk_test_simulator", "signing": "whsec_simulator"}`, []string{""}, [][]string{{"data"}, {"data", "object", "data"}}},
		"webhook":   {`{"ask_url": "SIM/payments/{id}"}`, `{"signing": "` + whsec + `"}`, []string{""}, [][]string{{"payments"}, {"data"}}},
		"statement": {`{}`, `{}`, []string{""}, nil},
	}
}

// openAt opens a kind of provider at an address, with the client of a server.
func openAt(t *testing.T, kind, address string) payment.Adapter {
	t.Helper()
	s, has := providers()[kind]
	if !has {
		t.Fatalf("no setup for the kind %q: add it to providers", kind)
	}
	a, err := provider.Open(kind, payment.Setup{Config: []byte(strings.ReplaceAll(s.config, "SIM", address)), Secrets: []byte(s.secrets), Address: "https://power.example/hooks/pay/0/"},
		outbound.New(outbound.HTTP(reach.Anywhere), time.Now))
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return a
}

// TestCallsThatReachUsAreCheap gives every kind of provider every code of its calls, with bodies of JSON and of a form.
func TestCallsThatReachUsAreCheap(t *testing.T) {
	tier.AsShipped(t)
	for _, kind := range provider.Kinds() {
		a := openAt(t, kind, "http://127.0.0.1")
		bodies := hostile.JSON(payment.MaxBody)
		for name, body := range hostile.Form(payment.MaxBody) {
			bodies["form: "+name] = body
		}
		for _, path := range providers()[kind].lists {
			maps.Copy(bodies, hostile.Lists(payment.MaxBody, `"id":"1","from":"MPESA",`, path...))
		}
		for _, what := range providers()[kind].calls {
			for _, name := range some(bodies, "lists inside lists", "an object of names", "form: separators") {
				in := payment.Incoming{What: what, Body: bodies[name], Header: http.Header{}}
				door(t, kind+" call "+what, name, func() {
					_ = a.Prove(in)
					_, _ = a.Read(in)
					_ = a.Reply(in)
					if c, can := a.(payment.Checker); can {
						_, _ = c.Check(in)
					}
				})
			}
		}
	}
}

// askAll asks a provider everything that the server asks.
func askAll(ctx context.Context, a payment.Adapter) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	p := payment.Payment{Txn: "1"}
	r := payment.Request{Name: "prq_1", Handle: "h", Amount: money.Amount{Minor: 50_000, Currency: "KES"}, Phone: "+254711000001", MadeAt: at}
	if a.Asks() {
		_, _ = a.Ask(ctx, p)
	}
	if q, can := a.(payment.Requester); can {
		_, _ = q.Request(ctx, r)
		_, _ = q.Follow(ctx, r)
	}
	if l, can := a.(payment.Lister); can {
		_, _, _ = l.List(ctx, at, at, "")
	}
	if l, can := a.(payment.RefundAdapter); can {
		_, _ = l.GiveBack(ctx, p)
	}
	if l, can := a.(payment.Registering); can {
		_ = l.Register(ctx)
	}
}

// slowest is how long the answers of this test may hold an asker. The server's own limit is longer and costs no processor time.
const slowest = 2 * time.Second

// TestAnswersOfProvidersAreCheap lets every kind of provider answer every question with hostile answers. The half of the cost that is the test
// server's own counts too.
func TestAnswersOfProvidersAreCheap(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	var answer http.HandlerFunc
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "oauth") || strings.Contains(r.URL.Path, "token") {
			_, _ = io.WriteString(w, `{"access_token": "t", "expires_in": "3600"}`)
			return
		}
		answer(w, r)
	}))
	defer s.Close()
	for _, kind := range provider.Kinds() {
		a := openAt(t, kind, s.URL)
		answers := hostile.Answers()
		for name, body := range hostile.JSON(payment.MaxAnswer) {
			answers[name] = hostile.AnswerOf(body)
		}
		for _, path := range providers()[kind].lists {
			for name, body := range hostile.Lists(payment.MaxAnswer, `"ResponseCode":"1000","status":true,`, path...) {
				answers[name] = hostile.AnswerOf(body)
			}
		}
		for _, name := range some(answers, "an endless list", "a packed body of 1 GB", "endless headers", "empty objects at data", "empty objects at Response") {
			answer = answers[name]
			door(t, kind+" answer", name, func() {
				ctx, cancel := context.WithTimeout(t.Context(), slowest)
				defer cancel()
				askAll(ctx, a)
			})
		}
	}
}

// sink is an inbox that forgets everything.
type sink struct{}

func (sink) Receive(context.Context, notify.Incoming) error { return nil }
func (sink) Report(context.Context, notify.Report) error    { return nil }

const hookSecret = "0123456789abcdef0123456789abcdef"

// gateways opens the routes of text messages over HTTP at an address.
func gateways(t *testing.T, address string) (*gateway.Client, *kannel.Client) {
	t.Helper()
	g, err := gateway.New(gateway.Config{Name: "g", URL: address, Secret: hookSecret, PlainHTTP: true, Inbox: sink{}})
	if err != nil {
		t.Fatal(err)
	}
	k, err := kannel.New(kannel.Config{Name: "k", URL: address, Username: "u", Password: "p", Secret: hookSecret, PlainHTTP: true, Inbox: sink{}})
	if err != nil {
		t.Fatal(err)
	}
	return g, k
}

// TestCallsOfGatewaysAreCheap gives the hooks of text messages bodies with a right signature, and queries with the right key.
func TestCallsOfGatewaysAreCheap(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	g, k := gateways(t, "http://127.0.0.1:1/")
	bodies := hostile.JSON(hook.MaxBody)
	maps.Copy(bodies, hostile.Lists(hook.MaxBody, "", "text"))
	for purpose, h := range map[string]http.Handler{gateway.ForMessage: g.Incoming(), gateway.ForReport: g.Reports()} {
		for _, name := range some(bodies, "lists inside lists", "one text of escapes") {
			door(t, "gateway "+purpose, name, func() {
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(bodies[name])))
				at := strconv.FormatInt(time.Now().Unix(), 10)
				r.Header.Set(gateway.HeaderTimestamp, at)
				r.Header.Set(gateway.HeaderSignature, gateway.Sign(hookSecret, at, purpose, bodies[name]))
				h.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
	}
	ask := func(ctx context.Context, query string, h http.Handler) {
		r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
		r.URL.RawQuery = query
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	queries := hostile.Query(hook.MaxBody, "key="+hookSecret)
	for _, name := range some(queries, "separators", "a header of elements") {
		door(t, "Kannel", name, func() {
			ctx, cancel := context.WithTimeout(t.Context(), slowest/20)
			defer cancel()
			ask(ctx, queries[name], k.Incoming())
			ask(ctx, queries[name], k.Reports())
		})
	}
	calls := hostile.Calls(hookSecret)
	for _, name := range some(calls, "parts that never end") {
		door(t, "Kannel, a flood", name, func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended, end := context.WithCancel(ctx)
			end()
			for n, sent := 0, 0; n < manyUnits && sent < manyBytes; n++ {
				query := calls[name](n)
				sent += len(query)
				if n < 64 {
					go ask(ctx, query, k.Incoming())
				} else {
					ask(ended, query, k.Incoming()) // the caller does not wait
				}
			}
		})
	}
}

// TestAnswersToTheServersOwnCallsAreCheap lets gateways of text messages and targets of webhooks answer with hostile answers.
func TestAnswersToTheServersOwnCallsAreCheap(t *testing.T) {
	tier.AsShipped(t)
	var answer http.HandlerFunc
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer s.Close()
	g, k := gateways(t, s.URL)
	p := poster.New(nil, time.Now)
	m := notify.Outgoing{ID: "m", To: "+254711000001", Text: "BAL"}
	answers := hostile.Answers()
	for name, body := range hostile.JSON(hook.MaxAnswer) {
		answers[name] = hostile.AnswerOf(body)
	}
	for who, ask := range map[string]func(context.Context){
		"gateway": func(ctx context.Context) { g.Send(ctx, m) },
		"Kannel":  func(ctx context.Context) { k.Send(ctx, m) },
		"webhook": func(ctx context.Context) { p.Post(ctx, webhook.Request{URL: s.URL, Body: "{}", AllowPrivate: true}) },
	} {
		for _, name := range some(answers, "an endless list", "endless headers") {
			answer = answers[name]
			door(t, who+" answer", name, func() {
				ctx, cancel := context.WithTimeout(t.Context(), slowest)
				defer cancel()
				ask(ctx)
			})
		}
	}
}

// Length of a flood of SMPP or of calls. Longer units are fewer.
const (
	manyUnits = 10_000
	manyBytes = 16 << 20
)

// TestUnitsOfACentreAreCheap lets a hostile message centre send floods of units to the client.
func TestUnitsOfACentreAreCheap(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	floods := hostile.Units(smpp.MaxPDU)
	for _, name := range some(floods, "parts that never end", "long parts that never end", "thousands of empty options") {
		flood := floods[name]
		door(t, "SMPP, a flood", name, func() { floodClient(t, flood) })
	}
}

// floodClient runs a client against a centre that accepts its bind and sends a flood. It returns when the client has answered an enquire_link at the end.
func floodClient(t *testing.T, flood func(n int) hostile.Unit) {
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, err := smpp.New(smpp.Config{Name: "c", SystemID: "s", Password: "p", Inbox: sink{}, Dial: func(context.Context) (net.Conn, error) { return near, nil }})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = c.Run(ctx) // it ends with the test
		close(done)
	}()
	bind, err := smpp.ReadPDU(far)
	if err != nil {
		t.Fatal(err)
	}
	write := func(p smpp.PDU) bool { _, err := far.Write(p.Encode()); return err == nil }
	write(smpp.PDU{Command: bind.Command.Answer(), Sequence: bind.Sequence, Body: smpp.EncodeText("centre")})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			p, err := smpp.ReadPDU(far)
			if err != nil || p.Command == smpp.EnquireLink.Answer() && p.Sequence == 1<<30 {
				return
			}
		}
	}()
	for n, sent := 0, 0; n < manyUnits && sent < manyBytes; n++ {
		u := flood(n)
		sent += len(u.Body)
		if n%16 == 0 {
			time.Sleep(time.Millisecond) // the client queues few units, and turns the others away
		}
		if !write(smpp.PDU{Command: smpp.Command(u.Command), Sequence: uint32(n + 1), Body: u.Body}) {
			break
		}
	}
	write(smpp.PDU{Command: smpp.EnquireLink, Sequence: 1 << 30})
	<-ended
	cancel()
	_ = far.Close()
	<-done
}
