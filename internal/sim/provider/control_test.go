package provider_test

import (
	"context"
	"errors"
	"sync"
	"testing"
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
	_, books := m.ask("GET", "/books", nil, nil)
	want(t, "books", books, o{"problem": "", "stats.webhook.forged": 1.0})
	if n := len(books["payments"].([]any)); n != 3 || len(books["forged"].([]any)) != 1 || len(books["totals"].([]any)) != 2 {
		t.Errorf("books %v", books)
	}
	if n := len(m.at("/hook")); n < 13 {
		t.Errorf("%d messages, want each of 6 at least twice, and a forged one", n)
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
