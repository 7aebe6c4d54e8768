package shoptest_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/sale"
)

// TestWhoBoughtIsToldThatTheProviderTookMoneyBack: a customer who got the sale by SMS gets one message for each amount that went back, however
// often the provider tells it. Nobody is told of money that bought nothing.
func TestWhoBoughtIsToldThatTheProviderTookMoneyBack(t *testing.T) {
	const phone = "+254700000001"
	s, p := openPaid(t, nil), &telephones{}
	serve := s.texting(p)
	s.routes = []string{sale.RouteSMS}
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	back := func(txn string, amount int64) []string {
		t.Helper()
		before := len(p.texts)
		for range 2 {
			s.send(strings.Replace(paidBody(txn, amount, "KES", ""), "taken", "charged_back", 1))
			s.work()
			serve()
		}
		return p.texts[before:]
	}
	s.paid("TX1", 50_000, meter)
	s.work()
	serve()
	s.is(payment.Applied, payment.NoReason)
	for _, c := range []struct {
		amount int64
		text   string
		why    payment.Reason
	}{{20_000, "KES 200.00", payment.PartBack}, {50_000, "KES 500.00", payment.GivenBack}} {
		got := back("TX1", c.amount)
		if len(got) != 1 || !strings.HasPrefix(got[0], phone) || !strings.Contains(got[0], "The provider took back "+c.text+" of your payment") {
			t.Errorf("after %s went back: %q", c.text, got)
		}
		if at := s.is(payment.Applied, c.why); at.Sale.IsZero() {
			t.Errorf("%+v", at)
		}
	}
	s.paid("TX2", 50_000, "rent")
	s.work()
	if got := back("TX2", 50_000); len(got) != 0 {
		t.Errorf("of money that bought nothing: %q", got)
	}
	s.verified()
}
