package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// TestAStreetWhoseBooksCannotBeComparedFails: a street without violations is one whose
// books were compared at the end.
func TestAStreetWhoseBooksCannotBeComparedFails(t *testing.T) {
	s := &walletRun{o: WalletStreet{Meters: 1, Days: 1, Seed: 1, Start: time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC),
		Folder: t.TempDir(), Paid: 100_000}}
	var err error
	if s.office, err = openOffice(s.o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.office.close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.live(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.houses[0].account = id.ID{1} // the server has no such account
	if err := s.end(t.Context()); err == nil || !strings.Contains(err.Error(), "has 0 wallets, want 1") {
		t.Errorf("the books of an unknown account were compared: %v", err)
	}
}
