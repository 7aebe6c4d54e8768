package shoptest_test

import (
	"context"
	"maps"
	"testing"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/vending"
)

// TestAnUnknownTimeZoneIsSaidBeforeASale: a sale is dated in the utility's time zone, so a server that does not know the zone is not ready.
func TestAnUnknownTimeZoneIsSaidBeforeASale(t *testing.T) {
	s := open(t, false)
	for zone, want := range map[string]refusal.Code{"Africa/Nairobi": "", "Africa/Nowhere": refusal.TimeZoneUnknown} {
		s.zone(zone)
		if no, err := s.ZoneFault(context.Background(), tenant); err != nil || no.Code != want {
			t.Errorf("%s: got %q, %v, want %q", zone, no.Code, err, want)
		}
	}
}

// TestNothingIsDatedInAnUnknownTimeZone: the database may come from a machine that knew more zones. A sale, a recharge and a reversal are
// refused, and no money moves. Once the zone is known, the same request sells.
func TestNothingIsDatedInAnUnknownTimeZone(t *testing.T) {
	s := open(t, true)
	of := s.publish("domestic", flat(), long())
	keypad, wallet := s.meter(1, place{tariff: of}), s.walletMeter(2, of)
	sold := s.sell(order(keypad, 5000, "sale before")).Sale
	before := s.balances()
	s.zone("Africa/Nowhere")
	for _, o := range []vending.Purchase{order(keypad, 5000, "one sale"), order(wallet, 5000, "one recharge")} {
		if no := s.refused(o, refusal.TimeZoneUnknown); vending.MoneyMoved(no.Code) != vending.MovedNo {
			t.Errorf("%s: money moved %q, want no", o.Once.Key, vending.MoneyMoved(no.Code))
		}
	}
	if no := s.undo(owner(), sold, "by mistake", "undo-1"); no.Code != refusal.TimeZoneUnknown {
		t.Errorf("a reversal: %q %s, want %s", no.Code, no.Detail(), refusal.TimeZoneUnknown)
	}
	if after := s.balances(); !maps.Equal(after, before) {
		t.Errorf("the books have %v, want %v", after, before)
	}
	s.zone("Africa/Nairobi")
	s.sell(order(keypad, 5000, "one sale"))
	s.sell(order(wallet, 5000, "one recharge"))
	s.verified()
}
