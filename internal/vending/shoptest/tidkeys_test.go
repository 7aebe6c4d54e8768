package shoptest_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/vending"
)

// TestATIDIsNotGivenAgainUnderTheNextKey: a key change keeps the meter's memory of TIDs. A token of the new key with a TID that the old key
// used would be rejected as used, and its payment would be lost.
func TestATIDIsNotGivenAgainUnderTheNextKey(t *testing.T) {
	for _, local := range []bool{true, false} {
		s := open(t, local)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		old := s.sell(order(m, 10000, "key-number-1")).Sale.Tokens[0]
		ahead := s.sell(order(m, 10000, "key-number-2")).Sale.Tokens[0] // sold in the same minute, so the token gets the next TID
		for i, krn := range []uint8{2, 1} {
			set := s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange, Key: &vending.NextKey{KRN: krn}}, "job-key-"+string(rune('1'+i))))
			if set.Refused() {
				t.Fatalf("change to KRN %d: %s", krn, set.Detail())
			}
			s.report(m, set.Job.Tokens[1].ID, "accept")
			sold := s.sell(order(m, 10000, "key-number-k"+string(rune('1'+i)))).Sale
			if k := s.key(sold); k.KRN != krn || k.State != "current" {
				t.Fatalf("sold under KRN %d, %s; want %d, current", k.KRN, k.State, krn)
			}
			if got := sold.Tokens[0].TID; got <= ahead.TID {
				t.Errorf("under KRN %d the TID is %d again; the meter has had %d and %d", krn, got, old.TID, ahead.TID)
			}
			ahead = sold.Tokens[0]
		}
		s.audit()
	}
}

// TestAMeterOfTheLostTimeGetsNoTIDAgain: a meter was registered and bought tokens after the copy was made. It is registered again after the
// restore. It has the same key, and its old tokens may have been numbered ahead of the clock.
func TestAMeterOfTheLostTimeGetsNoTIDAgain(t *testing.T) {
	s := open(t, true)
	tariff := s.publish("domestic", flat(), monday())
	s.do(func(tx *store.Tx) error { _, err := tx.BeginEpoch(tx.Now, store.Branch{}); return err })
	s.crash()
	restored := s.clock.Now()
	s.clock.add(5 * time.Minute)
	m := s.meter(1, place{tariff: tariff})
	got := s.sell(order(m, 10000, "key-number-1")).Sale.Tokens[0]
	if at := got.BaseDate.Time(got.TID); at.Before(restored.Add(core.TIDMargin)) {
		t.Errorf("a TID of %s, and those up to %s may have been used", at, restored.Add(core.TIDMargin))
	}
	s.audit()
}
