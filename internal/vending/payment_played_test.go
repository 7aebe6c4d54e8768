package vending_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/provider/momo"
	"github.com/paywatt/paywatt/internal/provider/paystack"
	"github.com/paywatt/paywatt/internal/provider/stripe"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

// requests is a provider that takes only what the server requests. A text that means no meter is a payment too small for a sale, which is parked.
func requests(p playedProvider, secret string) playedProvider {
	p.begin = func(w *payWorld) {
		if err := w.sim.SetEndpoint(p.as, sim.Endpoint{URL: "http://shop/hooks/pay/" + w.path + "/w", Secret: secret}); err != nil {
			w.t.Fatal(err)
		}
		if err := w.sim.SetBehaviour(p.as, "*", sim.Behaviour{Do: sim.ActPay, After: sim.Duration(5 * time.Second)}); err != nil {
			w.t.Fatal(err)
		}
	}
	var meter string
	p.pay = func(w *payWorld, n int, reference string, amount int64) {
		if strings.Contains(reference, " ") {
			reference, amount = meter, 1
		}
		meter = reference
		w.ask(n, reference, amount, fmt.Sprintf("+2547%08d", n))
	}
	return p
}

// ofRequest names a payment by its request.
func ofRequest(p sim.Payment) string { return p.Request }

func playedMoMo() playedProvider {
	return requests(playedProvider{kind: momo.Kind, as: sim.MoMo, faults: sim.Faults{Busy: 0.01, Fail: 0.01}, named: ofRequest,
		config:  momo.Config{URL: "http://sim/momo", Environment: "mtnkenya", Callbacks: true},
		secrets: momo.Secrets{User: "6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10", Key: "api-key", Subscription: "subscription-key"}}, "")
}

func playedPaystack() playedProvider {
	return requests(playedProvider{kind: paystack.Kind, as: sim.Paystack, faults: sim.Faults{Busy: 0.01, Fail: 0.01, Alter: 0.02}, named: ofRequest,
		config: paystack.Config{URL: "http://sim/paystack", Email: "power@example.org"}, secrets: paystack.Secrets{Key: "sk_test_simulator"}}, "")
}

func playedStripe() playedProvider {
	return requests(playedProvider{kind: stripe.Kind, as: sim.Stripe, faults: sim.Faults{Busy: 0.01, Fail: 0.01, Alter: 0.02},
		config:  stripe.Config{URL: "http://sim/stripe", SuccessURL: "https://power.example/"},
		secrets: stripe.Secrets{Key: "sk_test_simulator", Signing: "whsec_simulator"}}, "whsec_simulator")
}
