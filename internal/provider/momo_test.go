package provider_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/momo"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

func momoBench(t *testing.T, environment string) *bench {
	return newBench(t, momo.Kind, `{"url": "SIM/momo", "environment": "`+environment+`", "callbacks": true}`,
		`{"api_user": "6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10", "api_key": "api-key", "subscription_key": "subscription-key"}`)
}

func TestMoMoTakesOnePaymentUnderOneName(t *testing.T) {
	for _, currency := range []string{"UGX", "EUR"} { // without and with decimals
		b := momoBench(t, "mtnuganda")
		o := b.order(5_050, currency)
		r, _ := b.requested(o)
		if again, _ := b.requested(o); again.Handle != r.Handle || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(r.Handle) {
			t.Errorf("handles %s and %s", r.Handle, again.Handle)
		}
		if got := b.follow(r); got.State != payment.RequestOpen {
			t.Errorf("before the payment: %+v", got)
		}
		b.advance(10 * time.Second)
		paid := b.heard()
		if len(paid) != 1 || paid[0].Kind != payment.Paid || paid[0].Txn != r.Handle || paid[0].Request != r.Name || paid[0].Signed || paid[0].Reference != "" || paid[0].Payer != "" {
			t.Fatalf("notices %+v", paid)
		}
		if got := b.follow(r); got.State != payment.RequestPaid || got.Paid.Txn != r.Handle || got.Paid.Amount != o.Amount || got.Paid.Reference != r.Reference || got.Paid.Payer != r.Phone {
			t.Errorf("after the payment: %+v", got)
		}
		if got := b.asked(r.Handle); got.Outcome != payment.Took || got.Amount != o.Amount || got.Reference != r.Reference || got.Payer != r.Phone {
			t.Errorf("answer %+v", got)
		}
	}
}

func TestMoMoSaysWhyARequestFailed(t *testing.T) {
	for do, want := range map[sim.Act]string{sim.ActFunds: "NOT_ENOUGH_FUNDS", sim.ActUnreachable: "PAYER_NOT_FOUND", sim.ActCancel: "APPROVAL_REJECTED"} {
		b := momoBench(t, "mtnuganda")
		if err := b.sim.SetBehaviour(sim.MoMo, "*", sim.Behaviour{Do: sim.ActIgnore}); err != nil {
			t.Fatal(err)
		}
		for i := range 4 { // the reason is a word in some answers, and an object in others
			o := b.order(5_000, "UGX")
			o.Name += string(rune('a' + i))
			r, _ := b.requested(o)
			b.answer(sim.MoMo, r.Handle, do)
			if got := b.heard(); len(got) != 1 || got[0].Kind != payment.Decided || got[0].Request != r.Name {
				t.Errorf("%s: notices %+v", do, got)
			}
			if got := b.follow(r); got.State != payment.RequestFailed || got.Reason != want {
				t.Errorf("%s: %+v, want %s", do, got, want)
			}
			if got := b.asked(r.Handle); got.Outcome != payment.Never {
				t.Errorf("%s: %+v", do, got)
			}
		}
	}
}

func TestMoMoCallbacksProveNothing(t *testing.T) {
	b := momoBench(t, "mtnuganda")
	r, _ := b.requested(b.order(5_000, "UGX"))
	forged := payment.Incoming{Body: []byte(`{"status":"SUCCESSFUL","externalId":"` + r.Name + `","amount":"999999","currency":"UGX","payeeNote":"04140009999","payer":{"partyId":"256700000666"}}`)}
	got, err := b.Read(forged)
	if err != nil || len(got) != 1 || got[0].Signed || got[0].Reference != "" || got[0].Payer != "" {
		t.Fatalf("%+v %v", got, err)
	}
	if said := b.asked(got[0].Txn); said.Outcome != payment.Pending {
		t.Errorf("a request that is open: %+v", said)
	}
	b.advance(10 * time.Second)
	if got := b.forged(sim.MoMo, sim.ForgeUnknown); len(got) != 1 || got[0].Txn != r.Handle { // another receipt for the same request is the same payment
		t.Errorf("a forged receipt is the payment %+v", got)
	}
	if got, err := b.Read(payment.Incoming{Body: []byte(`{"status":"SUCCESSFUL","externalId":"made up","amount":"1","currency":"UGX"}`)}); err != nil || b.asked(got[0].Txn).Outcome != payment.Never {
		t.Errorf("%+v %v", got, err)
	}
	if got := b.follow(payment.Request{Name: "never sent"}); got.State != payment.RequestUnknown {
		t.Errorf("%+v", got)
	}
}

func TestMoMoTokensAndRefusals(t *testing.T) {
	b := momoBench(t, "mtnuganda")
	r, _ := b.requested(b.order(5_000, "UGX"))
	if err := b.sim.ExpireTokens(sim.MoMo); err != nil {
		t.Fatal(err)
	}
	if got := b.follow(r); got.State != payment.RequestOpen { // with a new token
		t.Errorf("%+v", got)
	}
	b.advance(2 * time.Hour)
	if got := b.follow(r); got.State != payment.RequestPaid {
		t.Errorf("%+v", got)
	}
	if said, err := momoBench(t, "sandbox").Adapter.(payment.Requester).Request(t.Context(), b.order(5_000, "UGX")); err != nil || said.Refused == "" {
		t.Errorf("the sandbox took shillings: %+v %v", said, err)
	}
	if err := b.sim.SetFaults(sim.MoMo, sim.Faults{Fail: 1}); err != nil {
		t.Fatal(err)
	}
	o := b.order(5_000, "UGX")
	o.Name += "2"
	if said, err := b.Adapter.(payment.Requester).Request(t.Context(), o); err == nil {
		t.Errorf("nobody knows whether it was asked, but the adapter says %+v", said)
	}
	if err := b.sim.SetFaults(sim.MoMo, sim.Faults{}); err != nil {
		t.Fatal(err)
	}
	if r, _ := b.requested(o); b.follow(r).State != payment.RequestOpen { // it was sent before
		t.Error("a repeated request is not open")
	}
}
