package shoptest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/sale"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

// TestAPartThatAProviderGivesBack: a part is no whole. A payment that a sale has used waits for a person, an unused one buys nothing any more, and
// when the rest is given back too, the books say so once.
func TestAPartThatAProviderGivesBack(t *testing.T) {
	for name, played := range map[string]playedProvider{"stripe": playedStripe(), "paystack": playedPaystack()} {
		t.Run(name, func(t *testing.T) {
			w := openWorld(t, played, 3, nil)
			if err := w.sim.SetFaults(played.as, sim.Faults{Repeat: 1}); err != nil {
				t.Fatal(err)
			}
			meter := w.meter(1, place{tariff: w.publish("domestic", flat(), long())})
			w.ask(1, meter, 50_000, "+254711000001")
			w.pass(2*time.Minute, 10*time.Second)
			p := w.is(payment.Applied, payment.NoReason)
			taken := w.sim.Books().Payments[0].ID
			refund := func(amount int64) {
				t.Helper()
				if _, err := w.sim.Refund(played.as, taken, amount); err != nil {
					t.Fatal(err)
				}
				w.pass(5*time.Minute, 10*time.Second)
			}
			refund(20_000)
			if p = w.is(payment.Applied, payment.PartBack); !strings.HasPrefix(p.Detail, "200.00 KES of 500.00") && !strings.HasPrefix(p.Detail, "KES 200.00 of") {
				t.Errorf("the detail is %q", p.Detail)
			}
			w.reversed(owner(), sale.Sale{ID: p.Sale}, "token not used")
			w.is(payment.Parked, payment.PartBack)
			d := payment.Decision{Payment: p.Name(), Meter: meter, Reason: "test"}
			if out, err := w.Payments.Apply(t.Context(), owner(), d); err != nil || out.Text != "payment-part-back" {
				t.Errorf("what was given back in part buys again: %v %q", err, out.Text)
			}
			refund(30_000)
			w.pass(24*time.Hour, time.Hour)
			w.is(payment.Refunded, payment.GivenBack)
			w.verified()
			if w.sales() != 0 {
				t.Errorf("%d sales stand, although all money went back", w.sales())
			}
		})
	}
}

// TestAPartIsKnownBeforeItsPayment: the notice of a part comes first. The payment is parked when its provider has confirmed it.
func TestAPartIsKnownBeforeItsPayment(t *testing.T) {
	s := openPaid(t, func(payment.Payment) (payment.Answer, error) {
		return payment.Answer{Outcome: payment.Took, Amount: kes(50_000)}, nil
	})
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.send(strings.Replace(paidBody("TX1", 20_000, "KES", meter), "taken", "charged_back", 1))
	s.work()
	if p := s.is(payment.Parked, payment.PartBack); p.Amount != kes(50_000) || s.sales() != 0 {
		t.Errorf("%+v, %d sales", p, s.sales())
	}
}

// TestAPartOfAProviderThatCannotBeAsked: the signed notice of a part is no whole either.
func TestAPartOfAProviderThatCannotBeAsked(t *testing.T) {
	s := openPaid(t, nil)
	s.paid("TX1", 50_000, "rent")
	s.work()
	s.send(strings.Replace(paidBody("TX1", 20_000, "KES", ""), "taken", "charged_back", 1))
	s.work()
	p := s.is(payment.Parked, payment.PartBack)
	if out, err := s.Payments.Refund(t.Context(), owner(), payment.Decision{Payment: p.Name(), Reason: "the rest too"}); err != nil || out.Refused() {
		t.Errorf("refund: %v %s", err, out.Detail())
	}
	s.is(payment.Refunded, payment.ByPerson)
	s.verified()
}

// TestAPartIsHeardBeforeItsPayment: of a provider that cannot be asked, the notice of a part comes first. The rest of the money is still there, so
// the payment is booked and a person gives it back. A whole that went back before its payment was heard of is no money at all.
func TestAPartIsHeardBeforeItsPayment(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	for _, back := range []int64{5_000, 20_000, 10_000} {
		s.send(strings.Replace(paidBody("TX1", back, "KES", ""), "taken", "charged_back", 1))
	}
	s.work()
	s.is(payment.Rejected, payment.GivenBack)
	for range 2 {
		s.paid("TX1", 50_000, meter)
		s.work()
		p := s.is(payment.Parked, payment.PartBack)
		if p.Amount != kes(50_000) || p.Reference != meter || p.Proof != payment.Signed || !strings.Contains(p.Detail, "200.00") || s.sales() != 0 {
			t.Errorf("%+v, %d sales", p, s.sales())
		}
	}
	s.verified()
	p := s.is(payment.Parked, payment.PartBack)
	if out, err := s.Payments.Refund(t.Context(), owner(), payment.Decision{Payment: p.Name(), Reason: "the rest too"}); err != nil || out.Refused() {
		t.Errorf("refund: %v %s", err, out.Detail())
	}
	s.is(payment.Refunded, payment.ByPerson)
	s.verified()
}

// TestAPartAboveTheCeilingIsHeardFirst: nothing confirms a payment above the ceiling, so it is parked without a journal.
func TestAPartAboveTheCeilingIsHeardFirst(t *testing.T) {
	s := openPaid(t, nil)
	s.send(strings.Replace(paidBody("TX1", 20_000, "KES", ""), "taken", "charged_back", 1))
	s.paid("TX1", 90_000_000, "rent")
	s.work()
	p := s.is(payment.Parked, payment.PartBack)
	if !p.ConfirmedAt.IsZero() || p.Amount != kes(90_000_000) {
		t.Errorf("%+v", p)
	}
	s.verified()
	if out, err := s.Payments.Refund(t.Context(), owner(), payment.Decision{Payment: p.Name(), Reason: "the rest too"}); err != nil || out.Refused() {
		t.Errorf("refund: %v %s", err, out.Detail())
	}
	s.is(payment.Refunded, payment.ByPerson)
	s.verified()
}
