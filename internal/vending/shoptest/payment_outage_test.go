package shoptest_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

// TestARequestWhoseAnswerIsLostBeforeAnOutage: the provider asks the customer, who pays at once, but neither the provider's answer nor its call
// arrives, and then the provider is away for longer than a customer has to answer. The payment is found when the provider is back.
func TestARequestWhoseAnswerIsLostBeforeAnOutage(t *testing.T) {
	for name, path := range map[string]string{"mpesa": "/stkpush/v1/processrequest", "momo": "/requesttopay", "airtel": "/merchant/v2/payments/",
		"paystack": "/transaction/initialize", "stripe": "/checkout/sessions", "flutterwave": "/v3/payments"} {
		for tries, lasts := range map[string]time.Duration{"once": 0, "several times": 3 * time.Minute} {
			t.Run(name+" "+tries, func(t *testing.T) {
				w := openWorld(t, playedProviders()[name], 5, nil)
				faults := func(f sim.Faults) {
					if err := w.sim.SetFaults(w.played.as, f); err != nil {
						t.Fatal(err)
					}
				}
				faults(sim.Faults{Lose: 1})
				meter := w.meter(1, place{tariff: w.publish("domestic", flat(), long())})
				w.deaf = path
				w.ask(0, meter, 10_000, "+254700000001")
				w.pass(time.Second, time.Second)
				if err := w.sim.SetBehaviour(w.played.as, "*", sim.Behaviour{Do: sim.ActCancel}); err != nil { // nobody pays twice
					t.Fatal(err)
				}
				w.pass(lasts, time.Second)
				if err := w.sim.Down(w.played.as, sim.Unavailable, time.Hour); err != nil {
					t.Fatal(err)
				}
				w.deaf = ""
				faults(sim.Faults{})
				w.pass(2*time.Hour, time.Minute)
				r, o := w.request(), w.compare()
				for _, problem := range o.problems {
					t.Error(problem)
				}
				if o.taken == 0 || o.lost > 0 || o.credited != o.taken || r.State != payment.AskPaid {
					t.Errorf("taken %d, credited %d, %d lost; the request is %s (%s)", o.taken, o.credited, o.lost, r.State, r.Reason)
				}
			})
		}
	}
}
