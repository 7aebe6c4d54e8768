package shoptest_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/provider/airtel"
	"github.com/paywatt/paywatt/internal/provider/filed"
	"github.com/paywatt/paywatt/internal/provider/flutterwave"
	"github.com/paywatt/paywatt/internal/provider/momo"
	"github.com/paywatt/paywatt/internal/provider/paystack"
	"github.com/paywatt/paywatt/internal/provider/sms"
	"github.com/paywatt/paywatt/internal/provider/stripe"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
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

func playedAirtel() playedProvider {
	return requests(playedProvider{kind: airtel.Kind, as: sim.Airtel, few: true, faults: sim.Faults{Busy: 0.01, Fail: 0.01}, named: ofRequest,
		config:  airtel.Config{URL: "http://sim/airtel", Country: "KE", Currency: "KES", Dial: "254"},
		secrets: airtel.Secrets{ID: "airtel-id", Secret: "airtel-secret", Hash: "airtel-hash"}}, "airtel-hash")
}

// playedFlutterwave loses no answer: the server would open a second page for the request, and the simulator's customers pay on every page. See
// [TestARequestWhoseAnswerIsLostBeforeAnOutage].
func playedFlutterwave() playedProvider {
	return requests(playedProvider{kind: flutterwave.Kind, as: sim.Flutterwave, few: true, faults: sim.Faults{Busy: 0.01},
		config:  flutterwave.Config{URL: "http://sim/flutterwave", Email: "power@example.org", ReturnURL: "https://power.example/thanks"},
		secrets: flutterwave.Secrets{Key: "flutterwave-key", Hash: "the hash"}}, "the hash")
}

// pays is a provider at which people pay without being asked.
func pays(p playedProvider, secret string) playedProvider {
	p.few = true
	p.begin = func(w *payWorld) {
		if secret == "" {
			return
		}
		if err := w.sim.SetEndpoint(p.as, sim.Endpoint{URL: "http://shop/hooks/pay/" + w.path + "/w", Secret: secret}); err != nil {
			w.t.Fatal(err)
		}
	}
	p.pay = func(w *payWorld, n int, reference string, amount int64) {
		payer := fmt.Sprintf("2547%08d", n)
		if _, err := w.sim.Pay(sim.Order{Provider: p.as, Amount: amount, Reference: reference, Payer: payer, Name: "AMINA ODHIAMBO"}); err != nil {
			w.t.Fatal(err)
		}
	}
	return p
}

func playedWebhook() playedProvider {
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	return pays(playedProvider{kind: webhook.Kind, as: sim.Webhook, stated: sim.CAMT053, faults: sim.Faults{Busy: 0.01, Fail: 0.01, Alter: 0.02},
		config:  webhook.Config{AskURL: "http://sim/webhook/payments/{id}"},
		secrets: webhook.Secrets{Signing: secret, Bearer: "webhook-key"}}, secret)
}

// playedTill is a till whose telephone forwards its texts. Nobody can be asked.
func playedTill() playedProvider {
	const secret = "0123456789abcdef0123456789abcdef"
	const head = `(?P<txn>[A-Z0-9]{10}) Confirmed\. on (?P<date>\S+) at (?P<time>\S+ [AP]M) Ksh(?P<amount>[0-9,.]+) received from `
	return pays(playedProvider{kind: sms.Kind, as: sim.SMS, stated: sim.MPesaCSV, single: 1_000_000, daily: 1_000_000_000,
		config: sms.Config{Senders: []string{"MPESA"}, Currency: "KES", Zone: "Africa/Nairobi", Patterns: []sms.Pattern{
			{Text: head + `.*? (?P<payer>[0-9]+)\. Account Number (?P<reference>.*) New Utility balance`, Layout: "2/1/06 3:04 PM"}}},
		secrets: sms.Secrets{Secret: secret}}, secret)
}

// playedBank neither calls nor answers: its statements bring all payments.
func playedBank() playedProvider {
	return pays(playedProvider{kind: filed.Kind, as: sim.Bank, stated: sim.CAMT053, single: 1_000_000, daily: 1_000_000_000, config: struct{}{}, secrets: struct{}{}}, "")
}

// state uploads the provider's statements of all days since a time, each twice, and compares these days with the payments.
func (w *payWorld) state(since time.Time) {
	w.t.Helper()
	if w.played.stated == "" {
		return
	}
	w.pass(30*time.Hour, 10*time.Minute) // the days are over
	st := w.statements()
	for day := since; !day.After(w.sim.Now().Add(24 * time.Hour)); day = day.Add(24 * time.Hour) {
		file, err := w.sim.Statement(w.played.as, day, sim.StatementOptions{Format: w.played.stated})
		if err != nil {
			w.t.Fatal(err)
		}
		for range 2 {
			up, err := st.Upload(w.t.Context(), owner(), "played", file, "")
			if err != nil || up.Refused() || up.Waits != nil || up.File.State != reconcile.FileRead {
				w.t.Fatalf("upload: %v %s %+v", err, up.Detail(), up.File)
			}
		}
	}
	w.pass(time.Hour, time.Minute)
	for day := since; day.Truncate(24 * time.Hour).Add(25 * time.Hour).Before(w.clock.Now()); day = day.Add(24 * time.Hour) {
		if r, err := st.Run(w.t.Context(), owner(), "played", day.Format(time.DateOnly)); err != nil || r.Refused() {
			w.t.Fatal(err, r.Detail())
		}
	}
	l, err := st.Items(w.t.Context(), owner(), reconcile.Filter{Provider: "played", Open: true}, registry.Page{})
	if err != nil || l.Refused() || l.Next != "" {
		w.t.Fatal(err, l.Detail(), l.Next)
	}
	for _, i := range l.Items {
		if i.Kind == reconcile.NotStated {
			w.shown[i.Txn] = true
		}
	}
}
