package shoptest_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/mpesa"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/store"
)

// openReturns opens a world in which M-Pesa may be ordered to reverse, with one parked payment.
func openReturns(t *testing.T) (*payWorld, payment.Payment) {
	t.Helper()
	played := playedMpesa()
	config := played.config.(mpesa.Config)
	config.Reversals = true
	played.config, played.faults = config, sim.Faults{}
	w := openWorld(t, played, 5, nil)
	if err := w.sim.SetFaults(sim.Daraja, sim.Faults{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: "rent", Payer: "254711000001"}); err != nil {
		t.Fatal(err)
	}
	w.pass(10*time.Minute, 10*time.Second)
	return w, w.is(payment.Parked, payment.UnknownReference)
}

// refund decides that the payment goes back.
func (w *payWorld) refund(p payment.Payment, why payment.Reason) {
	w.t.Helper()
	if out, err := w.Payments.Refund(w.t.Context(), owner(), payment.Decision{Payment: p.Name(), Reason: "paid by mistake"}); err != nil || out.Refused() || out.Value.Payment.Reason != why {
		w.t.Fatalf("refund: %v %s %+v", err, out.Detail(), out.Value.Payment)
	}
}

// TestARefundIsOrderedFromMpesa: the books follow when M-Pesa's answer says that the money went back.
func TestARefundIsOrderedFromMpesa(t *testing.T) {
	w, p := openReturns(t)
	w.refund(p, payment.Returning)
	w.is(payment.Parked, payment.Returning)
	if out, err := w.Payments.Apply(t.Context(), owner(), payment.Decision{Payment: p.Name(), Meter: "rent"}); err != nil || !out.Refused() {
		t.Errorf("a payment that goes back was applied (%v)", err)
	}
	w.pass(10*time.Minute, 10*time.Second)
	w.is(payment.Refunded, payment.GivenBack)
	if b := w.sim.Books().Payments[0]; b.Returned != 50_000 || w.reversals != 1 {
		t.Errorf("M-Pesa gave %d back after %d orders", b.Returned, w.reversals)
	}
}

// TestAnOrderOfUnknownOutcomeIsGivenOnce: whether M-Pesa took the order is unknown. The server asks, gives no second order, and leaves the payment to a
// person. A server that was stopped while it gave the order does the same.
func TestAnOrderOfUnknownOutcomeIsGivenOnce(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		w, p := openReturns(t)
		w.refund(p, payment.Returning)
		if stopped {
			var claims []job.Claim
			w.do(func(tx *store.Tx) (err error) {
				claims, err = tx.OutboxClaim(job.LanePayment, "", "test", w.clock.Now().Add(time.Minute), 10)
				return err
			})
			p = w.only()
			p.Reason = payment.ReturnSent
			w.do(func(tx *store.Tx) error { return tx.PutPayment(p) })
			for _, c := range claims {
				if v, err := payment.NewWorker(w.Payments).Send(t.Context(), tenant, c); err != nil || v.String() != "done" {
					t.Errorf("%s: %s %v", c.Kind, v, err)
				}
			}
		} else {
			w.mute = true
		}
		w.pass(30*time.Hour, 10*time.Minute)
		if w.is(payment.Parked, payment.ReturnSent); w.reversals > 1 || w.sim.Books().Payments[0].Returned != 0 {
			t.Errorf("%d orders", w.reversals)
		}
		w.refund(p, payment.ByPerson) // a person found it on M-Pesa's pages
		w.is(payment.Refunded, payment.ByPerson)
	}
}

// TestARefusedOrderIsLeftToAPerson: M-Pesa does not take the order, and a person may order it again.
func TestARefusedOrderIsLeftToAPerson(t *testing.T) {
	w, p := openReturns(t)
	w.refuse = true
	w.refund(p, payment.Returning)
	w.pass(time.Minute, 10*time.Second)
	if p = w.is(payment.Parked, payment.ReturnRefused); p.Detail == "" {
		t.Errorf("%+v", p)
	}
	w.refuse = false
	w.refund(p, payment.Returning)
	w.pass(10*time.Minute, 10*time.Second)
	w.is(payment.Refunded, payment.GivenBack)
}
