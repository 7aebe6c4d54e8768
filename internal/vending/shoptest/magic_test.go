package shoptest_test

import (
	"context"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
)

func TestMagicMetersAnswerAsDocumented(t *testing.T) {
	for number, want := range map[string]refusal.Code{vending.MagicBlocked: refusal.MeterBlocked, vending.MagicTimeout: refusal.OutcomeUnknown,
		vending.MagicKeyChange: refusal.KeyChangeRequired, vending.MagicFloatShort: refusal.InsufficientFloat, vending.MagicUnknown: refusal.IssuerUnknown} {
		for _, local := range []bool{true, false} {
			s := open(t, local)
			if canonical, no := registry.Canonical(number); no.Refused() || canonical != number {
				t.Fatalf("%s is no meter number: %s", number, no.Detail())
			}
			domestic := s.publish("domestic", flat(), monday())
			s.meter(1, place{tariff: domestic, meter: func(m *registry.Meter) { m.Number, m.Simulated = number, true }})
			s.refused(order(number, 10000, "key-number-1"), want)
			sold := int64(0)
			if number == vending.MagicTimeout {
				sold = 1
				again := s.sell(order(number, 10000, "key-number-1"))
				if again.Replay == nil || again.Replay.Status != 201 {
					t.Errorf("the repetition after the lost answer: %+v", again)
				}
			}
			if n := s.number(`SELECT COUNT(*) FROM vend`); n != sold {
				t.Errorf("%s: %d sales, want %d", number, n, sold)
			}
			s.audit()
		}
		real := open(t, true)
		real.meter(1, place{tariff: real.publish("domestic", flat(), monday()), meter: func(m *registry.Meter) { m.Number = number }})
		real.sell(order(number, 10000, "key-number-1"))
	}
}

func TestACopyIsCountedMarkedAndAudited(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 10000, "key-number-1")).Sale
	for n := 1; n <= 2; n++ {
		r, err := s.Reprint(context.Background(), owner(), sold.ID.Text("vnd_"))
		if err != nil || r.Refused() || r.Receipt.Copy != n || !slices.Contains(r.Receipt.Marks(), receipt.MarkCopy) {
			t.Errorf("copy %d: %v %s %d %v", n, err, r.Detail(), r.Receipt.Copy, r.Receipt.Marks())
		}
	}
	if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'vend.reprint'`); n != 2 {
		t.Errorf("%d audit rows, want 2", n)
	}
	other := owner()
	other.Name, other.Role = "op2", "operator"
	if r, err := s.Reprint(context.Background(), other, sold.ID.Text("vnd_")); err != nil || r.Code != refusal.Forbidden {
		t.Errorf("another operator reprints: %q %v", r.Code, err)
	}
	for range vending.MaxCopies - 2 {
		if r, err := s.Reprint(context.Background(), owner(), sold.ID.Text("vnd_")); err != nil || r.Refused() {
			t.Fatal(err, r.Detail())
		}
	}
	if r, err := s.Reprint(context.Background(), owner(), sold.ID.Text("vnd_")); err != nil || r.Code != refusal.DailyLimit || r.What != "The receipt has already been printed 51 times, the most allowed." {
		t.Errorf("copy %d: %q %v", vending.MaxCopies+1, r.Detail(), err)
	}
}
