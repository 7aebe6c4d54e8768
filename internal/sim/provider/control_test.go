package provider_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

// control posts to the control interface.
func (m *merchant) control(path string, body any) map[string]any {
	m.t.Helper()
	status, out := m.ask("POST", "/control/"+path, nil, body)
	if status != 200 {
		m.t.Fatalf("%s: %d %v", path, status, out)
	}
	return out
}

// TestAProgramControlsTheSimulator drives everything over HTTP, as a program outside would.
func TestAProgramControlsTheSimulator(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	type o = map[string]any
	m.control("endpoint", o{"provider": "webhook", "url": m.own + "/hook", "secret": "whsec_eA=="})
	m.control("faults", o{"provider": "webhook", "repeat": 1, "repeat_within": "1m"})
	a := m.control("pay", o{"provider": "webhook", "amount_minor": 50_000, "reference": "04140001001"})
	b := m.control("pay", o{"provider": "webhook", "amount_minor": 30_000, "currency": "UGX", "reference": "77"})
	c := m.control("pay", o{"provider": "webhook", "amount_minor": 20_000})
	want(t, "payment", a, o{"state": "taken", "amount_minor": 50_000.0, "currency": "KES"})
	want(t, "reversed", m.control("reverse", o{"provider": "webhook", "id": a["id"]}), o{"state": "reversed"})
	want(t, "refunded in part", m.control("refund", o{"provider": "webhook", "id": b["id"], "amount_minor": 10_000}), o{"state": "taken", "returned_minor": 10_000.0})
	want(t, "charged back", m.control("chargeback", o{"provider": "webhook", "id": c["id"]}), o{"state": "charged_back"})
	want(t, "withdrawn", m.control("withdraw", o{"provider": "webhook", "currency": "UGX", "amount_minor": 5_000}), o{"balance_minor": 15_000.0, "kind": "withdrawal"})
	m.control("forge", o{"provider": "webhook", "kind": "unsigned"})
	m.control("payers", o{"provider": "momo", "payer": "*", "do": "cancel", "after": "1s"})
	m.control("tokens", o{"provider": "momo"})
	want(t, "advanced", m.control("advance", o{"for": "2h"}), o{"now": "2026-11-20T10:00:00Z"})
	m.control("down", o{"provider": "momo", "mode": "503", "for": "1h"})
	if status, _ := m.ask("POST", "/momo/collection/token/", nil, nil); status != 503 {
		t.Errorf("status %d during the outage", status)
	}
	m.mu.Lock()
	m.answer = func(got) (int, string) { return 422, "unknown " + strings.Repeat("x", 1000) }
	m.mu.Unlock()
	m.control("forge", o{"provider": "webhook", "kind": "unknown"})
	m.control("advance", o{"for": "1s"})
	log := m.sim.Callbacks(0)
	if last := log[len(log)-1]; last.Status != 422 || len(last.Answer) != 500 || !strings.HasPrefix(last.Answer, "unknown x") || last.Fault != "forge" || last.Attempt != 1 {
		t.Errorf("the log ends with %+v", last)
	}
	if rest := m.sim.Callbacks(len(log) - 1); len(rest) != 1 {
		t.Errorf("%d deliveries after the last but one", len(rest))
	}
	_, books := m.ask("GET", "/books", nil, nil)
	want(t, "books", books, o{"problem": "", "stats.webhook.forged": 2.0})
	if n := len(books["payments"].([]any)); n != 3 || len(books["forged"].([]any)) != 2 || len(books["totals"].([]any)) != 2 {
		t.Errorf("books %v", books)
	}
	if n := len(m.at("/hook")); n < 13 {
		t.Errorf("%d messages, want each of 6 at least twice, and a forged one", n)
	}
	for _, path := range []string{"pay", "answer", "reverse", "refund", "chargeback", "withdraw", "forge", "faults", "endpoint", "tokens", "down", "payers"} {
		if status, out := m.ask("POST", "/control/"+path, nil, o{"provider": "western", "do": "pay", "for": "1s", "amount_minor": 5}); status != 404 {
			t.Errorf("%s at an unknown provider: %d %v", path, status, out)
		}
	}
	for name, c := range map[string]struct {
		path   string
		body   any
		status int
	}{
		"unknown field":    {"pay", o{"provider": "bank", "amont_minor": 5}, 400},
		"unknown provider": {"faults", o{"provider": "western"}, 404},
		"unknown payment":  {"reverse", o{"provider": "bank", "id": "x"}, 404},
		"reversed twice":   {"reverse", o{"provider": "webhook", "id": a["id"]}, 409},
		"nothing":          {"pay", o{"provider": "bank"}, 400},
		"not asked":        {"pay", o{"provider": "momo", "amount_minor": 100}, 400},
		"not asked either": {"pay", o{"provider": "stripe", "amount_minor": 100}, 400},
		"negative time":    {"advance", o{"for": "-1s"}, 400},
		"unknown act":      {"payers", o{"provider": "momo", "payer": "*", "do": "sing"}, 400},
		"no address":       {"forge", o{"provider": "stripe"}, 409},
		"more than all":    {"withdraw", o{"provider": "bank", "amount_minor": 5}, 400},
		"mode":             {"down", o{"provider": "bank", "mode": "slow", "for": "1s"}, 400},
	} {
		if status, out := m.ask("POST", "/control/"+c.path, nil, c.body); status != c.status || out["error"] == "" {
			t.Errorf("%s: %d %v, want %d", name, status, out, c.status)
		}
	}
}

// TestRunDeliversWithoutBeingAsked: with Run, callbacks leave on their own, several at a time, and Advance waits for them.
func TestRunDeliversWithoutBeingAsked(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	m.register("Completed")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.sim.Run(ctx) }()
	arrived := make(chan struct{}, 200)
	m.mu.Lock()
	m.answer = func(got) (int, string) { arrived <- struct{}{}; return 200, "{}" }
	m.mu.Unlock()
	var payers sync.WaitGroup
	for range 10 {
		payers.Go(func() {
			for range 10 {
				if _, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 100, Payer: "254712345126"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	payers.Wait()
	for range 100 {
		<-arrived
	}
	m.advance(time.Minute)
	if st := m.sim.Stats()[provider.Daraja]; st.Accepted != 100 || st.Sent != 100 {
		t.Errorf("stats %+v", st)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended with %v", err)
	}
}

// TestRunWaitsForTheTime: on the real clock, a second try leaves when it is due and not before.
func TestRunWaitsForTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var tries []time.Duration
		client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			tries = append(tries, time.Since(began))
			return &http.Response{StatusCode: 500, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
		})}
		s := provider.New(provider.Config{Client: client})
		if err := s.SetEndpoint(provider.Webhook, provider.Endpoint{URL: "http://merchant.example/hook"}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		if _, err := s.Pay(provider.Order{Provider: provider.Webhook, Amount: 100}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(76 * time.Hour) // of the test's own clock
		stop()
		<-ended
		want := []time.Duration{0, 5 * time.Second, 5*time.Minute + 5*time.Second}
		for _, wait := range []time.Duration{30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour} {
			want = append(want, want[len(want)-1]+wait)
		}
		if !slices.Equal(tries, want) {
			t.Errorf("tries after %v, want %v", tries, want)
		}
	})
}

// transport answers requests without a network.
type transport func(r *http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTheSeedChoosesTheKindOfForgery.
func TestTheSeedChoosesTheKindOfForgery(t *testing.T) {
	m := newStripe(t)
	kinds := map[string]int{}
	for range 40 {
		f, err := m.sim.Forge(provider.Stripe, "")
		if err != nil {
			t.Fatal(err)
		}
		kinds[f.Kind]++
	}
	if len(kinds) != 4 || kinds[""] != 0 {
		t.Errorf("kinds %v", kinds)
	}
}

// TestMPesaWaitsEightSecondsForAValidation, and then does what was registered.
func TestMPesaWaitsEightSecondsForAValidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		s := provider.New(provider.Config{Client: client, Validation: true})
		api := s.Handler()
		ask := func(method, path, token, body string) map[string]any {
			t.Helper()
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.SetBasicAuth("consumer-key", "consumer-secret")
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			return object(t, w.Body.Bytes())
		}
		token := ask("GET", "/daraja/oauth/v1/generate?grant_type=client_credentials", "", "")["access_token"].(string)
		ask("POST", "/daraja/mpesa/c2b/v2/registerurl", token, `{"ShortCode":"600000","ResponseType":"Completed","ConfirmationURL":"http://m.example/c","ValidationURL":"http://m.example/v"}`)
		if _, err := s.Pay(provider.Order{Provider: provider.Daraja, Amount: 100, Payer: "254712345126"}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(7999 * time.Millisecond) // of the test's own clock
		if p := s.Books().Payments[0]; p.State != provider.Pending {
			t.Errorf("after %s: %s", time.Since(began), p.State)
		}
		time.Sleep(2 * time.Millisecond)
		if p := s.Books().Payments[0]; p.State != provider.Taken {
			t.Errorf("after %s: %s", time.Since(began), p.State)
		}
		stop()
		<-ended
	})
}
