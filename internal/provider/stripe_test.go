package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/filed"
	"github.com/paywatt/paywatt/internal/provider/stripe"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

func stripeBench(t *testing.T) *bench {
	b := newBench(t, stripe.Kind, `{"url": "SIM/stripe", "success_url": "https://power.example/thanks"}`, `{"key": "sk_test_simulator", "signing": "whsec_simulator", "signing_old": "whsec_older"}`)
	if err := b.sim.SetEndpoint(sim.Stripe, sim.Endpoint{URL: b.hook + "w", Secret: "whsec_simulator"}); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStripeTakesOnePaymentUnderOneName(t *testing.T) {
	b := stripeBench(t)
	r, said := b.requested(b.order(50_000, "KES"))
	if again, page := b.requested(b.order(50_000, "KES")); again.Handle != r.Handle || page.Page != said.Page || said.Page == "" {
		t.Errorf("the same request opened %s and %s", r.Handle, again.Handle)
	}
	if got := b.follow(r); got.State != payment.RequestOpen {
		t.Errorf("before the payment: %+v", got)
	}
	b.answer(sim.Stripe, r.Handle, sim.ActPay)
	paid := of(payment.Paid, b.heard())
	if len(paid) != 1 || !paid[0].Signed || paid[0].Reference != r.Reference || paid[0].Request != r.Name || paid[0].Amount != r.Amount || !paid[0].PaidAt.Equal(start) {
		t.Fatalf("notices %+v", paid)
	}
	txn := paid[0].Txn
	if got := b.follow(r); got.State != payment.RequestPaid || got.Paid.Txn != txn || got.Paid.Reference != r.Reference || got.Paid.Request != r.Name {
		t.Errorf("after the payment: %+v", got)
	}
	r.Handle = "" // its answer was lost
	if got := b.follow(r); got.State != payment.RequestPaid || got.Paid.Txn != txn {
		t.Errorf("without a handle: %+v", got)
	}
	if got := b.asked(txn); got.Outcome != payment.Took || got.Amount != r.Amount || got.Reference != r.Reference {
		t.Errorf("answer %+v", got)
	}
	if all := b.listed(); len(all) != 1 || all[0].Txn != txn || all[0].Reference != r.Reference || all[0].Request != r.Name {
		t.Errorf("list %+v", all)
	}
	if _, err := b.sim.Refund(sim.Stripe, txn, 10_000); err != nil {
		t.Fatal(err)
	}
	b.advance(0)
	if back := of(payment.Undone, b.heard()); len(back) != 1 || back[0].Txn != txn || back[0].Reference != r.Reference {
		t.Errorf("a part given back: %+v", back)
	}
	if got := b.asked(txn); got.Outcome != payment.Took {
		t.Errorf("after a part was given back: %+v", got)
	}
	if _, err := b.sim.ChargeBack(sim.Stripe, txn); err != nil {
		t.Fatal(err)
	}
	b.advance(0)
	if back := of(payment.Undone, b.heard()); len(back) != 2 || back[0].Txn != txn || back[1].Txn != txn {
		t.Errorf("charged back: %+v", back)
	}
	if got := b.asked(txn); got.Outcome != payment.Back {
		t.Errorf("after the chargeback: %+v", got)
	}
}

// A slow way of paying completes the page before it has paid.
func TestStripeWaitsForSlowPayments(t *testing.T) {
	for do, want := range map[sim.Act]payment.RequestState{sim.ActAsync: payment.RequestPaid, sim.ActAsyncFail: payment.RequestFailed, sim.ActExpire: payment.RequestFailed} {
		b := stripeBench(t)
		r, _ := b.requested(b.order(50_000, "KES"))
		b.answer(sim.Stripe, r.Handle, do)
		if got := b.heard(); len(of(payment.Paid, got)) != 0 {
			t.Errorf("%s: %+v", do, got)
		}
		if got := b.follow(r); do != sim.ActExpire && got.State != payment.RequestOpen {
			t.Errorf("%s: %+v while it is slow", do, got)
		}
		b.advance(time.Hour)
		heard := b.heard()
		if paid := len(of(payment.Paid, heard)) == 1; paid != (want == payment.RequestPaid) {
			t.Errorf("%s: %+v", do, heard)
		}
		if got := b.follow(r); got.State != want {
			t.Errorf("%s: %+v, want %s", do, got, want)
		}
	}
}

func TestStripeBelievesNoForgery(t *testing.T) {
	b := stripeBench(t)
	if got := b.forged(sim.Stripe, sim.ForgeUnsigned, sim.ForgeSignature, sim.ForgeStale); len(got) != 0 {
		t.Errorf("believed %+v", got)
	}
	got := b.forged(sim.Stripe, sim.ForgeUnknown) // somebody stole the secret
	if len(got) != 1 || b.asked(got[0].Txn).Outcome != payment.Never {
		t.Errorf("%+v", got)
	}
	in := payment.Incoming{Header: map[string][]string{"Stripe-Signature": {"t=1795161600,v1="}}, Body: []byte("{}")} // an empty signature
	if b.Prove(in) == nil {
		t.Error("an empty signature was believed")
	}
}

func TestStripeSaysWhyItDoesNotAnswer(t *testing.T) {
	b := stripeBench(t)
	if err := b.sim.Down(sim.Stripe, sim.Unavailable, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Ask(t.Context(), payment.Payment{Txn: "pi_1"}); err == nil || strings.Contains(err.Error(), "sk_test") {
		t.Errorf("error %v", err)
	}
	if said, err := b.Adapter.(payment.Requester).Request(t.Context(), b.order(50_000, "KES")); err == nil {
		t.Errorf("nobody knows whether it was asked, but the adapter says %+v", said)
	}
	b.advance(2 * time.Hour)
	if said, err := b.Adapter.(payment.Requester).Request(t.Context(), b.order(50_000, "XXX")); err != nil || said.Refused == "" {
		t.Errorf("an unknown currency: %+v %v", said, err)
	}
	late := b.order(50_000, "KES")
	late.MadeAt = late.MadeAt.Add(-24 * time.Hour) // Stripe no longer knows its key
	if said, err := b.Adapter.(payment.Requester).Request(t.Context(), late); err != nil || said.Refused == "" {
		t.Errorf("an old request: %+v %v", said, err)
	}
}

// Stripe's units have other decimals than ISO 4217 in some currencies.
func TestStripeUnits(t *testing.T) {
	b := stripeBench(t)
	for currency, units := range map[string]int64{"KES": 50_000, "UGX": 50_000, "JPY": 50_000, "MGA": 50_000, "KWD": 50_000} {
		in := payment.Incoming{Body: body(t, map[string]any{"id": "evt_1", "type": "checkout.session.completed", "data": map[string]any{"object": map[string]any{
			"id": "cs_1", "payment_status": "paid", "payment_intent": map[string]string{"id": "pi_1"}, "amount_total": units, "currency": strings.ToLower(currency)}}})}
		got, err := b.Read(in)
		want := map[string]money.Minor{"KES": 50_000, "UGX": 500, "JPY": 50_000, "MGA": 5_000_000, "KWD": 50_000}[currency]
		if err != nil || len(got) != 1 || got[0].Txn != "pi_1" || got[0].Amount != (money.Amount{Minor: want, Currency: currency}) {
			t.Errorf("%s: %+v %v, want %d", currency, got, err, want)
		}
	}
}

func TestKindsOpenOnlyWhatIsWhole(t *testing.T) {
	for _, kind := range provider.Kinds() {
		if _, err := provider.Open(kind, payment.Setup{Config: []byte(`{}`), Secrets: []byte(`{}`)}, nil); (err == nil) != (kind == filed.Kind) { // files have no secrets
			t.Errorf("%s without secrets: %v", kind, err)
		}
		if _, err := provider.Open(kind, payment.Setup{Config: []byte(`{"colour":"red"}`), Secrets: []byte(`{}`)}, nil); err == nil {
			t.Errorf("%s takes unknown fields", kind)
		}
	}
	if _, err := provider.Open("no", payment.Setup{}, nil); err == nil {
		t.Error("an unknown kind opened")
	}
}
