package sim

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
)

// TestAccountsOfSeveralMetersDoNotHideOthersThatAreDue has three accounts of four meters each, all with a supply that
// needs a decision. A request for two accounts must return two accounts, so that the caller knows that there may be
// more.
func TestAccountsOfSeveralMetersDoNotHideOthersThatAreDue(t *testing.T) {
	s := &walletRun{o: WalletStreet{Meters: 12, Days: 1, Seed: 3, Start: time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC), Folder: t.TempDir(), Several: 2}}
	var err error
	if s.office, err = openOffice(s.o); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.office.close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range s.o.Meters {
		h, err := s.newWalletHouse(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		s.houses = append(s.houses, h)
	}
	err = s.office.do(t.Context(), func(tx *store.Tx) error {
		for _, h := range s.houses {
			rows, err := tx.WalletOf(h.n)
			if err != nil {
				return err
			}
			all, err := tx.SuppliesOf(rows)
			if err != nil {
				return err
			}
			kept := all[h.n].Supply
			kept.LookAt = s.o.Start
			if err := tx.SupplyPut(h.n, kept); err != nil {
				return err
			}
		}
		for most, want := range map[int]int{1: 1, 2: 2, 3: 3, 10: 3} {
			due, err := tx.SuppliesDue(s.o.Start, most)
			if err != nil || len(due) != want {
				t.Errorf("asked for %d accounts: got %d, %v; want %d", most, len(due), err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
