package shoptest_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// endMeter removes a meter.
func (s *shop) endMeter(number string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		m, _, err := tx.MeterByNumber(number)
		if err != nil {
			return err
		}
		return tx.EndMeter(m, registry.Removed)
	})
}

// TestNothingIsSoldToARemovedMeter: sales, service tokens and payments by its number name the meter that took its place. A payment by the account or
// the telephone of its customer means only that other meter.
func TestNothingIsSoldToARemovedMeter(t *testing.T) {
	s := openPaid(t, nil)
	domestic := s.publish("domestic", flat(), long())
	old, fresh := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic)
	sold := s.sell(order(old, 20000, "key-number-1")).Sale
	if out := s.swaps(vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(0))}, "swap-1"); out.Refused() {
		t.Fatal(out.Detail())
	}
	means := func(reference string, want ...string) {
		t.Helper()
		var got []string
		s.do(func(tx *store.Tx) error {
			found, err := tx.PayableMeters(payment.ReadReference(reference), 5)
			got = nil
			for _, f := range found {
				got = append(got, f.Meter)
			}
			return err
		})
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("a payment for %s means %v, want %v", reference, got, want)
		}
	}
	account := sold.Account.Text(id.Account)
	means(account, fresh)
	s.endMeter(old)
	means(account, fresh)
	means(old, old)
	s.do(func(tx *store.Tx) error {
		called, err := tx.CalledMeters(payment.ReadReference("+254700000001"), 5)
		for _, f := range called {
			if f.Meter == old {
				t.Error("a telephone number means the removed meter")
			}
		}
		return err
	})
	if got := s.refused(order(old, 10000, "key-number-2"), refusal.MeterBlocked); !strings.Contains(got.Detail(), fresh) {
		t.Errorf("a sale to the removed meter is refused with %q, want it to name meter %s", got.Detail(), fresh)
	}
	g := s.give(ask(vending.Ask{Meter: old, Kind: sale.ClearTamper}, "job-key-1"))
	if g.Code != refusal.MeterBlocked || !strings.Contains(g.Detail(), fresh) {
		t.Errorf("a service token for the removed meter: %s", g.Detail())
	}
	s.do(func(tx *store.Tx) error {
		if _, _, found, err := tx.TokenForPush(sold.Tokens[0].ID); found || err != nil {
			t.Errorf("a token of the removed meter is sent to it: %t, %v", found, err)
		}
		return nil
	})
	s.paid("TX1", 50_000, old)
	s.work()
	if p := s.is(payment.Parked, payment.NotSold); !strings.Contains(p.Detail, fresh) {
		t.Errorf("the payment waits with %q, want it to name meter %s", p.Detail, fresh)
	}
	// What was sold to it is still among the sales of its account.
	s.do(func(tx *store.Tx) error {
		all, err := tx.AccountEntries(sold.Account, id.ID{}, 10)
		if len(all) == 0 || all[0].Meter != old {
			t.Errorf("the account has the entries %+v", all)
		}
		return err
	})
}
