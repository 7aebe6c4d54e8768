package shoptest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
)

// TestASilentProviderIsAskedOneQuestionAtATime: while a provider does not answer, its payments do not occupy the workers of others. When it
// answers again, every payment is credited.
func TestASilentProviderIsAskedOneQuestionAtATime(t *testing.T) {
	answers, asked := false, 0
	s := openPaid(t, func(p payment.Payment) (payment.Answer, error) {
		if asked++; !answers {
			return payment.Answer{}, errors.New("timeout")
		}
		return payment.Answer{Outcome: payment.Took, Amount: p.Amount}, nil
	})
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	for n := range 20 {
		s.paid(fmt.Sprintf("TX%d", n), 50_000, meter)
	}
	s.work()
	if asked != 3 {
		t.Errorf("%d questions at first, want 3", asked)
	}
	for range 8 {
		s.clock.add(15 * time.Second)
		s.work()
	}
	if asked > 3+8 {
		t.Errorf("%d questions in two minutes, want one in 15 seconds", asked)
	}
	answers = true
	for range 3 {
		s.clock.add(2 * time.Hour)
		s.work()
	}
	if s.sales() != 20 {
		t.Errorf("%d sales of 20 payments", s.sales())
	}
}
