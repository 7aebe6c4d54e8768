package provider_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/airtel"
	"github.com/paywatt/paywatt/internal/provider/flutterwave"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

func airtelBench(t *testing.T) *bench {
	b := newBench(t, airtel.Kind, `{"url": "SIM/airtel", "country": "KE", "currency": "KES", "dial": "254"}`, `{"client_id": "airtel-id", "client_secret": "airtel-secret", "hash": "airtel-hash"}`)
	if err := b.sim.SetEndpoint(sim.Airtel, sim.Endpoint{URL: b.hook + "a", Secret: "airtel-hash"}); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAirtelTakesWhatWeRequested(t *testing.T) {
	b := airtelBench(t)
	r, _ := b.requested(b.order(50_000, "KES"))
	if got := b.follow(r); got.State != payment.RequestOpen {
		t.Errorf("before the payment: %+v", got)
	}
	if _, err := b.Adapter.(payment.Requester).Request(t.Context(), r); err == nil {
		t.Error("a repeated request has an outcome")
	}
	b.advance(10 * time.Minute) // the token has ended, too
	if got := b.heard(); len(got) != 1 || got[0].Kind != payment.Decided || got[0].Request != r.Handle {
		t.Errorf("notices %+v", got)
	}
	got := b.follow(r)
	if got.State != payment.RequestPaid || got.Paid.Amount != r.Amount || got.Paid.Txn != r.Handle || got.Paid.Request != r.Name {
		t.Fatalf("after the payment: %+v", got)
	}
	if said, err := b.Ask(t.Context(), payment.Payment{Txn: got.Paid.Txn, Amount: r.Amount}); err != nil || said.Outcome != payment.Took || said.Amount != r.Amount {
		t.Errorf("%+v %v", said, err)
	}
	receipt := b.sim.Books().Payments[0].ID
	if _, err := b.sim.Reverse(sim.Airtel, receipt); err != nil {
		t.Fatal(err)
	}
	if said := b.asked(r.Handle); said.Outcome != payment.Back {
		t.Errorf("after the reversal: %+v", said)
	}
	b.forged(sim.Airtel, sim.ForgeUnknown)
	if said := b.asked("never"); said.Outcome != payment.Never {
		t.Errorf("%+v", said)
	}
	if b.Prove(payment.Incoming{Body: []byte(`{"transaction":{"id":"x"},"hash":"AAAA"}`)}) == nil {
		t.Error("a wrong hash was believed")
	}
	abroad := b.order(50_000, "KES")
	abroad.Phone = "+255711000001"
	if said, err := b.Adapter.(payment.Requester).Request(t.Context(), abroad); err != nil || said.Refused == "" {
		t.Errorf("%+v %v", said, err)
	}
}

func TestAirtelSaysWhatBecameOfARequest(t *testing.T) {
	for do, want := range map[sim.Act]payment.RequestState{sim.ActFunds: payment.RequestFailed, sim.ActLate: payment.RequestOpen} {
		b := airtelBench(t)
		r, _ := b.requested(b.order(50_000, "KES"))
		b.answer(sim.Airtel, r.Handle, do)
		if got := b.follow(r); got.State != want {
			t.Errorf("%s: %+v, want %s", do, got, want)
		}
	}
}

func TestFlutterwaveTakesOnePaymentUnderOneName(t *testing.T) {
	b := newBench(t, flutterwave.Kind, `{"url": "SIM/flutterwave", "email": "power@example.org", "return_url": "https://power.example/thanks"}`, `{"key": "flutterwave-key", "hash": "the hash"}`)
	if err := b.sim.SetEndpoint(sim.Flutterwave, sim.Endpoint{URL: b.hook + "f", Secret: "the hash"}); err != nil {
		t.Fatal(err)
	}
	r, said := b.requested(b.order(50_050, "KES"))
	if again, page := b.requested(b.order(50_050, "KES")); again.Handle == r.Handle || page.Page == said.Page || page.Page == "" {
		t.Errorf("a lost page was opened as %+v", page)
	}
	if got := b.follow(r); got.State != payment.RequestOpen {
		t.Errorf("before the payment: %+v", got)
	}
	b.answer(sim.Flutterwave, r.Handle, sim.ActPay)
	paid := b.heard()
	if len(paid) != 1 || paid[0].Kind != payment.Paid || paid[0].Reference != r.Reference || paid[0].Request != r.Name || paid[0].Amount != r.Amount {
		t.Fatalf("notices %+v", paid)
	}
	if got := b.follow(r); got.State != payment.RequestPaid || got.Paid.Txn != paid[0].Txn {
		t.Errorf("after the payment: %+v", got)
	}
	if got := b.asked(paid[0].Txn); got.Outcome != payment.Took || got.Amount != r.Amount || got.Reference != r.Reference {
		t.Errorf("answer %+v", got)
	}
	if got := b.forged(sim.Flutterwave, sim.ForgeUnsigned, sim.ForgeSignature); len(got) != 0 {
		t.Errorf("believed %+v", got)
	}
	if got := b.forged(sim.Flutterwave, sim.ForgeUnknown); len(got) != 1 || b.asked(got[0].Txn).Outcome != payment.Never {
		t.Errorf("%+v", got)
	}
	if got := b.follow(payment.Request{Name: "never sent"}); got.State != payment.RequestUnknown {
		t.Errorf("%+v", got)
	}
}
