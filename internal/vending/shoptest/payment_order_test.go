package shoptest_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
)

// A notice without the reference may come first.
func TestTheReferenceOfALaterNoticeOrOfTheAnswerCounts(t *testing.T) {
	took := payment.Answer{Outcome: payment.Took, Amount: money.Amount{Minor: 50_000, Currency: "KES"}}
	s := openPaid(t, func(payment.Payment) (payment.Answer, error) { return took, nil })
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.send(paidBody("TX1", 10_000, "KES", "")) // the answer says how much it was
	s.work()
	s.is(payment.Parked, payment.UnknownReference)
	for range 2 {
		s.paid("TX1", 50_000, meter)
		s.work()
	}
	if p := s.is(payment.Applied, payment.NoReason); p.Meter != meter || s.sales() != 1 {
		t.Errorf("%+v, %d sales", p, s.sales())
	}
	took.Reference = meter // the answer counts more than a notice that proves little
	s.paid("TX2", 50_000, "another text")
	s.work()
	if s.sales() != 2 {
		t.Errorf("%d sales of two payments", s.sales())
	}
	s.verified()
}
