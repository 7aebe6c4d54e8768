package shoptest_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

func TestAPaymentAboveTheCeilingWaitsForAPerson(t *testing.T) {
	large := func(t *testing.T) (*payShop, string, payment.Payment) {
		s := openPaid(t, nil)
		meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
		s.paid("TX1", 1_000_001, meter)
		s.work()
		return s, meter, s.is(payment.Parked, payment.AboveCeiling)
	}
	t.Run("applied", func(t *testing.T) {
		s, meter, p := large(t)
		if out, err := s.Payments.Apply(t.Context(), owner(), payment.Decision{Payment: p.Name(), Meter: meter}); err != nil || out.Refused() {
			t.Fatal(err, out.Detail())
		}
		s.work()
		if p = s.is(payment.Applied, payment.NoReason); p.Proof != payment.Person {
			t.Errorf("confirmed by %q", p.Proof)
		}
		s.paid("TX2", 1_000_000, meter)
		s.work()
		if s.sales() != 2 {
			t.Errorf("%d sales", s.sales())
		}
	})
	t.Run("given back", func(t *testing.T) {
		s, _, p := large(t)
		if out, err := s.Payments.Refund(t.Context(), owner(), payment.Decision{Payment: p.Name(), Reason: "too much"}); err != nil || out.Refused() {
			t.Fatal(err, out.Detail())
		}
		s.is(payment.Refunded, payment.ByPerson)
	})
	t.Run("rejected", func(t *testing.T) {
		s, _, p := large(t)
		if out, err := s.Payments.Reject(t.Context(), owner(), payment.Decision{Payment: p.Name(), Reason: "not in the statement"}); err != nil || out.Refused() {
			t.Fatal(err, out.Detail())
		}
		s.is(payment.Rejected, payment.ByPerson)
	})
}

// TestTheCeilingOfADayMoves: what signatures confirmed counts for 24 hours, to the microsecond.
func TestTheCeilingOfADayMoves(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	n := 0
	pay := func(amount int64, want payment.State) {
		t.Helper()
		n++
		name := fmt.Sprintf("TX%d", n)
		s.paid(name, amount, meter)
		s.work()
		all, err := s.Payments.List(t.Context(), owner(), payment.Filter{}, registry.Page{Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(all.Payments, func(v payment.View) bool { return v.Payment.Txn == name && v.Payment.State == want }) {
			t.Fatalf("payment %d is not %s: %+v", n, want, all.Payments)
		}
	}
	began := s.clock.Now()
	for range 10 { // one an hour, and then the day's ceiling is reached
		pay(1_000_000, payment.Applied)
		s.clock.add(time.Hour)
	}
	pay(100_000, payment.Parked)
	s.clock.add(24*time.Hour - s.clock.Now().Sub(began))
	pay(100_000, payment.Parked) // the first payment is exactly 24 hours old and still counts
	s.clock.add(time.Microsecond)
	pay(1_000_000, payment.Applied)
	pay(100_000, payment.Parked)
	s.clock.add(10 * time.Hour)
	pay(1_000_000, payment.Applied)
}

// TestWhatCustomersPayIsNoSaleOfAPerson: payments to the utility count neither as what its people sold nor under a meter's ceiling of sales
// for cash. The books still add up on the next day, on which nobody but customers bought.
func TestWhatCustomersPayIsNoSaleOfAPerson(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.do(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		set.Ceilings = map[access.Ceiling]int64{access.MeterSales: 10_000}
		boss := access.PersonRow{ID: id.ID{1}, Email: "boss@example.org", Role: access.Owner, Password: "x", CreatedAt: tx.Now}
		return errors.Join(err, tx.PutTenantSettings(set), tx.AddPersonRow(boss)) // with a person, ceilings bind
	})
	for day := range 4 {
		txn := fmt.Sprintf("TX%d", day)
		s.paid(txn, 9_000, meter)
		s.work()
		if day%2 == 0 {
			s.sell(order(meter, 9_000, "key-number-"+txn))
		}
		s.verified()
		s.clock.add(24 * time.Hour)
	}
	if n := s.sales(); n != 6 {
		t.Errorf("%d sales, want 6", n)
	}
}
