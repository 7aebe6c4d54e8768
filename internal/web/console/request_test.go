package console_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/job"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
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

// becomes moves the clock on until a request says a text. While the worker of payments works, the clock is not moved: a slow worker would
// find that the request has expired.
func (g *guest) becomes(path, text string) (a answer) {
	g.w.t.Helper()
	await.True(g.w.t, path+" says "+text, func() bool {
		if a = g.get(path).is(200); strings.Contains(a.text(), text) {
			return true
		}
		g.w.restOfPayments()
		return false
	})
	return a
}

// restOfPayments moves the clock to the moment at which the worker of payments has work again. An item that the worker holds is due after
// job.HoldFor, which is longer than any pause.
func (w *world) restOfPayments() {
	w.t.Helper()
	var due time.Time
	var waits bool
	err := w.beside().Engine.View(w.t.Context(), store.FirstTenant, func(tx *store.Tx) (err error) {
		due, waits, err = tx.OutboxNext(job.LanePayment, "")
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if rest := due.Sub(w.clock.now()); waits && rest > 0 && rest < job.HoldFor/2 {
		w.clock.move(rest)
	}
}

// TestASellerAsksTheCustomersTelephone: the page of the request follows its state, the payment makes one sale, and no till has its money.
func TestASellerAsksTheCustomersTelephone(t *testing.T) {
	tier.Slow(t)
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
