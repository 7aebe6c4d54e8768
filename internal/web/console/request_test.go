package console_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

// momo is a simulated MTN MoMo that the server knows under this name.
func (w *world) momo() *sim.Simulator {
	w.t.Helper()
	s := sim.New(sim.Config{Seed: 1})
	outside := httptest.NewServer(s.Handler())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = s.Run(ctx); close(ended) }()
	w.t.Cleanup(func() { stop(); <-ended; outside.Close() })
	w.api("/v1/payment-providers", fmt.Sprintf(`{"name":"momo","kind":"momo","config":{"allow_private":true,"url":"%s/momo","environment":"mtnkenya"},
		"secrets":{"api_user":"6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10","api_key":"api-key","subscription_key":"subscription-key"}}`, outside.URL))
	return s
}

// telephone says what a customer does with every request.
func (w *world) telephone(s *sim.Simulator, do sim.Act) {
	w.t.Helper()
	if err := s.SetBehaviour(sim.MoMo, "*", sim.Behaviour{Do: do}); err != nil {
		w.t.Fatal(err)
	}
}

// becomes moves the clock on until a request says a text.
func (g *guest) becomes(path, text string) answer {
	g.w.t.Helper()
	for range 100 {
		if a := g.get(path).is(200); strings.Contains(a.text(), text) {
			return a
		}
		g.w.clock.move(5 * time.Second)
		time.Sleep(50 * time.Millisecond) // the worker has no signal that it has asked
	}
	return g.get(path).says(text)
}

// TestASellerAsksTheCustomersTelephone: the page of the request follows its state, the payment makes one sale, and no till has its money.
func TestASellerAsksTheCustomersTelephone(t *testing.T) {
	w := begin(t)
	w.person("clerk@example.org", access.Operator)
	g := w.enter("clerk@example.org")
	check := "/sell/check?meter=" + meterNumber + "&amount=100"
	g.get(check).is(200).omits("Ask the customer")
	s := w.momo()
	w.telephone(s, sim.ActPay)
	page := g.get(check).is(200).says("Ask the customer's telephone", "Ask for KES 100.00", "Take no cash")
	form := []string{"form", page.value("form"), "meter", meterNumber, "amount", "100", "phone", "+254711000001", "provider", "momo"}
	request := g.post("/sell/ask", form...).leads("/requests/prq_")
	if again := g.post("/sell/ask", form...).leads("/requests/prq_"); again != request {
		t.Errorf("the form, sent again, leads to %s, then to %s", request, again)
	}
	g.get(request).is(200).says("Asked", "Do not take cash meanwhile", "+254711000001")
	g.get(request + "/sale").leads(request)
	agent := w.agent("V9", agentEmail)
	agent.get(request).is(403) // who may not read payments sees only their own requests
	g.becomes(request, "the sale is made")
	sale := g.get(request + "/sale").leads("/sales/vnd_")
	g.get(sale).is(200).says("KES 100.00")
	if books := s.Books(); len(books.Payments) != 1 {
		t.Errorf("the telephone was asked %d times", len(books.Payments))
	}

	w.deposit("V9")
	review := agent.get(check).is(200).says("Ask the customer's telephone")
	theirs := agent.post("/sell/ask", "form", review.value("form"), "meter", meterNumber, "amount", "100", "phone", "+254711000004", "provider", "momo").leads("/requests/prq_")
	agent.becomes(theirs, "the sale is made")
	if agent.get(theirs+"/sale").leads("/") == "" || s.Books().Payments[1].Amount != 10_000 {
		t.Error("the agent's request was not paid")
	}
	agent.get("/sell").is(200).says("Left to sell: KES 300.00.") // the vendor's own money paid nothing
	w.enter(ownerEmail).get("/ledger").is(200).omits("Cash in till")

	w.telephone(s, sim.ActCancel)
	page = g.get(check)
	declined := g.post("/sell/ask", "form", page.value("form"), "meter", meterNumber, "amount", "100", "phone", "+254711000002", "provider", "momo").leads("/requests/prq_")
	g.becomes(declined, "The customer did not pay.").says("Not paid")
	page = g.get(check)
	g.post("/sell/ask", "form", page.value("form"), "meter", meterNumber, "amount", "100", "phone", "5", "provider", "momo").says("is not a telephone number", "No money was taken and no token was made.")
	for range 3 {
		g.post("/sell/ask", "form", g.get(check).value("form"), "meter", meterNumber, "amount", "100", "phone", "+254711000003", "provider", "momo").leads("/requests/prq_")
	}
	g.post("/sell/ask", "form", g.get(check).value("form"), "meter", meterNumber, "amount", "100", "phone", "+254711000003", "provider", "momo").is(429).says("has been asked to pay 3 times")
}
