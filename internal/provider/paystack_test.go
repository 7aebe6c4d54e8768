package provider_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/paystack"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

func paystackBench(t *testing.T) *bench {
	b := newBench(t, paystack.Kind, `{"url": "SIM/paystack", "email": "power@example.org", "return_url": "https://power.example/thanks"}`, `{"key": "sk_test_simulator"}`)
	if err := b.sim.SetEndpoint(sim.Paystack, sim.Endpoint{URL: b.hook + "w"}); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPaystackTakesOnePaymentUnderOneName(t *testing.T) {
	b := paystackBench(t)
	r, said := b.requested(b.order(50_000, "KES"))
	if said.Page == "" || r.Handle != "prq-01jd00000000000000000000000" {
		t.Errorf("answer %+v", said)
	}
	if again, page := b.requested(b.order(50_000, "KES")); again.Handle == r.Handle || page.Page == said.Page || page.Page == "" { // the answer was lost
		t.Errorf("a lost page was opened as %+v", page)
	}
	if got := b.follow(r); got.State != payment.RequestOpen {
		t.Errorf("before the payment: %+v", got)
	}
	b.answer(sim.Paystack, r.Handle, sim.ActPay)
	paid := of(payment.Paid, b.heard())
	if len(paid) != 1 || !paid[0].Signed || paid[0].Txn != r.Handle || paid[0].Reference != r.Reference || paid[0].Request != r.Name || paid[0].Amount != r.Amount || !paid[0].PaidAt.Equal(start) {
		t.Fatalf("notices %+v", paid)
	}
	if got := b.follow(r); got.State != payment.RequestPaid || got.Paid.Txn != r.Handle || got.Paid.Request != r.Name {
		t.Errorf("after the payment: %+v", got)
	}
	if got := b.asked(r.Handle); got.Outcome != payment.Took || got.Amount != r.Amount || got.Reference != r.Reference {
		t.Errorf("answer %+v", got)
	}
	if all := b.listed(); len(all) != 1 || all[0].Txn != r.Handle || all[0].Reference != r.Reference {
		t.Errorf("list %+v", all)
	}
	if _, err := b.sim.Refund(sim.Paystack, r.Handle, 10_000); err != nil {
		t.Fatal(err)
	}
	b.advance(2 * time.Minute)
	if back := of(payment.Undone, b.heard()); len(back) != 1 || back[0].Txn != r.Handle || back[0].Amount.Minor != 10_000 {
		t.Errorf("a part given back: %+v", back)
	}
	if got := b.asked(r.Handle); got.Outcome != payment.Took {
		t.Errorf("after a part was given back: %+v", got)
	}
	if _, err := b.sim.ChargeBack(sim.Paystack, r.Handle); err != nil {
		t.Fatal(err)
	}
	b.advance(0)
	if back := of(payment.Undone, b.heard()); len(back) != 1 || back[0].Txn != r.Handle || back[0].Reference != r.Reference {
		t.Errorf("charged back: %+v", back)
	}
	if got := b.asked(r.Handle); got.Outcome != payment.Back {
		t.Errorf("after the chargeback: %+v", got)
	}
}

func TestPaystackSaysWhatBecameOfARequest(t *testing.T) {
	for do, want := range map[sim.Act]payment.RequestState{sim.ActFunds: payment.RequestFailed, sim.ActCancel: payment.RequestOpen} {
		b := paystackBench(t)
		r, _ := b.requested(b.order(50_000, "KES"))
		b.answer(sim.Paystack, r.Handle, do)
		if got := b.follow(r); got.State != want {
			t.Errorf("%s: %+v, want %s", do, got, want)
		}
		if got := b.asked(r.Handle); got.Outcome != payment.Never {
			t.Errorf("%s: %+v", do, got)
		}
	}
	b := paystackBench(t)
	if got := b.follow(b.order(50_000, "KES")); got.State != payment.RequestUnknown {
		t.Errorf("a request that was never sent: %+v", got)
	}
	if got, err := b.Adapter.(payment.Requester).Request(t.Context(), b.order(0, "KES")); err != nil || got.Refused == "" {
		t.Errorf("a request for nothing: %+v %v", got, err)
	}
	if err := b.sim.SetFaults(sim.Paystack, sim.Faults{Fail: 1}); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Adapter.(payment.Requester).Request(t.Context(), b.order(50_000, "KES")); err == nil {
		t.Errorf("nobody knows whether it was asked, but the adapter says %+v", got)
	}
	if _, err := b.Ask(t.Context(), payment.Payment{Txn: "x"}); err != nil {
		t.Errorf("a refusal is an answer: %v", err) // the simulator fails only what succeeds
	}
}

func TestPaystackListsEveryPage(t *testing.T) {
	b := paystackBench(t)
	want := map[string]bool{}
	for i := range 130 {
		r := b.order(50_000, "KES")
		r.Name += string(rune('a'+i/26)) + string(rune('a'+i%26))
		r, _ = b.requested(r)
		b.answer(sim.Paystack, r.Handle, sim.ActPay)
		want[r.Handle] = true
	}
	for _, n := range b.listed() {
		delete(want, n.Txn)
	}
	if len(want) != 0 {
		t.Errorf("the list lacks %d payments", len(want))
	}
}

func TestPaystackBelievesNoForgery(t *testing.T) {
	b := paystackBench(t)
	if got := b.forged(sim.Paystack, sim.ForgeUnsigned, sim.ForgeSignature); len(got) != 0 {
		t.Errorf("believed %+v", got)
	}
	got := b.forged(sim.Paystack, sim.ForgeUnknown) // somebody stole the key
	if len(got) != 1 || b.asked(got[0].Txn).Outcome != payment.Never {
		t.Errorf("%+v", got)
	}
}

// Paystack writes metadata in several forms, and amounts as numbers or texts.
func TestPaystackReadsEveryForm(t *testing.T) {
	b := paystackBench(t)
	for _, data := range []string{
		`{"event":"charge.success","data":{"reference":"r1","amount":"50000","currency":"KES","metadata":"{\"paywatt_reference\":\"04140001001\"}"}}`,
		`{"event":"charge.success","data":{"reference":"r1","amount":50000,"currency":"KES","metadata":{"paywatt_reference":"04140001001","custom_fields":[]},"paid_at":null}}`,
		`{"event":"charge.dispute.resolve","data":{"refund_amount":null,"transaction":{"reference":"r1","amount":50000,"currency":"KES","metadata":{"paywatt_reference":"04140001001"}}}}`,
	} {
		got, err := b.Read(payment.Incoming{Body: []byte(data)})
		if err != nil || len(got) != 1 || got[0].Txn != "r1" || got[0].Amount.Minor != 50_000 || got[0].Reference != "04140001001" {
			t.Errorf("%s: %+v %v", data, got, err)
		}
	}
	for _, data := range []string{`{"event":"charge.success","data":{"reference":"r1","amount":1,"currency":"KES","metadata":""}}`, `{"event":"charge.success","data":{"reference":"r1","amount":1,"currency":"KES","metadata":7}}`} {
		if got, err := b.Read(payment.Incoming{Body: []byte(data)}); err != nil || got[0].Reference != "" {
			t.Errorf("%s: %+v %v", data, got, err)
		}
	}
}
