package shoptest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
)

// The texts of a till's telephone and its operator's interface may bring the same payment under two providers.
func TestTwoProvidersBringOnePayment(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 50_000, meter)
	s.work()
	first := s.is(payment.Applied, payment.NoReason)
	s.path = s.provider("texts")
	s.paid("TX1", 50_000, meter)
	s.paid("TX2", 50_000, meter)
	s.paid("TX3", 20_000, meter)
	s.work()
	s.path = s.provider("third")
	s.paid("TX2", 50_001, meter) // another amount: another payment
	s.paid("TX3", 20_000, meter)
	s.work()
	var texts, third payment.Payment
	l, err := s.Payments.List(t.Context(), owner(), payment.Filter{State: payment.Parked}, registry.Page{})
	if err != nil || len(l.Payments) != 2 || s.sales() != 4 {
		t.Fatalf("%d parked payments and %d sales, want 2 and 4 (%v)", len(l.Payments), s.sales(), err)
	}
	third, texts = l.Payments[0].Payment, l.Payments[1].Payment
	if third.Txn == "TX1" { // both have the same time
		third, texts = texts, third
	}
	if texts.Reason != payment.OtherProvider || texts.Detail != first.Name() || !texts.ConfirmedAt.IsZero() || third.Txn != "TX3" {
		t.Errorf("parked %+v and %+v", texts, third)
	}
	no, err := s.Payments.Reject(t.Context(), owner(), payment.Decision{Payment: texts.Name(), Reason: "the same payment"})
	if err != nil || no.Refused() {
		t.Error(err, no.Detail())
	}
	if yes, err := s.Payments.Apply(t.Context(), owner(), payment.Decision{Payment: third.Name(), Meter: meter}); err != nil || yes.Refused() { // the payer did pay twice
		t.Error(err, yes.Detail())
	}
	s.work()
	s.paid("TX3", 20_000, meter)
	s.work()
	if s.sales() != 5 {
		t.Errorf("%d sales, want 5", s.sales())
	}
	s.verified()
}

// provider adds a provider and returns the secret part of its address.
func (s *payShop) provider(name string) string {
	s.t.Helper()
	v, err := s.AddProvider(s.t.Context(), signedIn(), payment.NewProvider{Name: name, Kind: webhook.Kind, Config: []byte(`{}`), Secrets: s.secrets, Single: 1_000_000, Daily: 10_000_000})
	if err != nil || v.Refused() || v.Waits != nil {
		s.t.Fatal(err, v.Detail(), v.Waits)
	}
	return v.Path.Reveal()
}

// Two servers may read the calls of two providers in the same moment. A transaction does not see what the other one inserts.
func TestTwoProvidersBringOnePaymentInTheSameMoment(t *testing.T) {
	tier.Concurrent(t)
	const rounds = 30
	s := openPaidFast(t)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	paths := []string{s.path, s.provider("texts")}
	worker := payment.NewWorker(s.Payments)
	for n := range rounds {
		for _, s.path = range paths {
			s.paid(fmt.Sprint("TX", n), 1000+int64(n), meter)
		}
		var claims []job.Claim
		s.do(func(tx *store.Tx) (err error) {
			claims, err = tx.OutboxClaim(job.LanePayment, "", "test", s.clock.Now().Add(time.Minute), 10)
			return err
		})
		if len(claims) != len(paths) {
			t.Fatalf("round %d has %d calls to read", n, len(claims))
		}
		var wg sync.WaitGroup
		for _, c := range claims {
			wg.Go(func() {
				if v, err := worker.Send(t.Context(), tenant, c); err != nil || v.String() != "done" {
					t.Error(v, err)
				}
			})
		}
		wg.Wait()
		s.do(func(tx *store.Tx) error {
			for _, c := range claims {
				if _, err := tx.OutboxDone(c.ID, "test"); err != nil {
					return err
				}
			}
			return nil
		})
		s.work()
	}
	parked, err := s.Payments.List(t.Context(), owner(), payment.Filter{State: payment.Parked}, registry.Page{Limit: 100})
	if err != nil || len(parked.Payments) != rounds || s.sales() != rounds {
		t.Errorf("%d parked payments and %d sales, want %d of each (%v)", len(parked.Payments), s.sales(), rounds, err)
	}
	s.verified()
}

// Who rejects a parked payment may keep its money, because the books never show it. So a second person must agree.
func TestRejectingAParkedPaymentNeedsASecondPerson(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 5_000_000, meter)
	s.work()
	p := s.is(payment.Parked, payment.AboveCeiling)
	s.fourEyes()
	out, err := s.Payments.Reject(t.Context(), owner(), payment.Decision{Payment: p.Name(), Reason: "never taken"})
	if err != nil || out.Refused() || out.Value.Waits == nil {
		t.Fatalf("rejected alone: %v %s", err, out.Detail())
	}
	s.is(payment.Parked, payment.AboveCeiling)
	w := out.Value.Waits
	s.allow(*w)
	maker := w.Maker
	maker.Approval = w.ID
	if agreed, err := s.Payments.Executors()[w.Act](t.Context(), maker, w.Body); err != nil || agreed.Refused() {
		t.Error(agreed.Detail(), err)
	}
	s.is(payment.Rejected, payment.ByPerson)
}
