package provider_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

// A test shares its clock with the simulator, lets somebody pay, loses a tenth of all callbacks, and compares the books.
func Example() {
	clock := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	sim := provider.New(provider.Config{Seed: 5, Now: func() time.Time { return clock }, Manual: true})
	arrived := 0
	merchant := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && len(body) > 0 {
			arrived++
		}
	}))
	defer merchant.Close()
	must(sim.SetEndpoint(provider.Webhook, provider.Endpoint{URL: merchant.URL, Secret: "whsec_c2VjcmV0"}))
	must(sim.SetFaults(provider.Webhook, provider.Faults{Lose: 0.1}))
	for range 50 {
		_, err := sim.Pay(provider.Order{Provider: provider.Webhook, Amount: 50_000, Reference: "04140001001"})
		must(err)
	}
	must(sim.Advance(context.Background(), time.Hour))

	books := sim.Books()
	must(books.Check())
	total := books.Totals[0]
	fmt.Println(total.Payments, "payments,", total.Taken, "taken,", arrived, "arrived,", sim.Stats()[provider.Webhook].Lost, "lost")
	// Output: 50 payments, 2500000 taken, 48 arrived, 2 lost
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
