package shoptest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/wallet"
)

// TestBothPapersSayWhatIsLeftInAKeypadMeter: the last statement of one customer and the first one of the next say the same credit, on both engines.
func TestBothPapersSayWhatIsLeftInAKeypadMeter(t *testing.T) {
	needsWholeStore(t)
	papers := func(t *testing.T) {
		for want, left := range map[string]registry.CreditLeft{"2.4 kWh": registry.CreditOf(2400), "unknown": {State: registry.CreditUnknown}} {
			s := openTenancies(t)
			before := s.account(s.meter)
			s.leave(left)
			s.clock.add(25 * time.Hour)
			s.enter(registry.MovingIn{})
			s.papers(before, s.account(s.meter), want)
		}
	}
	t.Run("SQLite", papers)
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		papers(t)
	})
}

// papers checks that the statements of two accounts of one meter say what was in it between them, each once, and in no other month.
func (s *tenancies) papers(before, after id.ID, credit string) {
	s.t.Helper()
	wallets := wallet.New(wallet.Config{Sealer: s.sealer, Now: s.clock.Now,
		Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) wallet.Tx { return tx })})
	of := office.New(office.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) office.Tx { return tx }),
		Tills: s.Tills, Debts: s.Debts, Wallets: wallets, Vending: s.Vending, Now: s.clock.Now})
	for account, name := range map[id.ID]string{before: "Credit in the meter at move-out", after: "Credit in the meter at move-in"} {
		got, err := of.Statement(context.Background(), owner(), account.Text(id.Account), "2026-11")
		if err != nil || got.Refused() {
			s.t.Fatalf("statement: %v %s", err, got.Detail())
		}
		text := got.Report.Sheet(english(s.t)).Text(96)
		if !strings.Contains(text, name) || strings.Count(text, credit) != 1 || strings.Count(text, "Credit in the meter") != 1 {
			s.t.Errorf("the statement does not say %q and %q, or not once:\n%s", name, credit, text)
		}
		if account == after && !strings.Contains(strings.Join(strings.Fields(text), " "), credit+", as stated at the move-out on ") {
			s.t.Errorf("the statement of the new tenant does not say who stated the credit:\n%s", text)
		}
		other, err := of.Statement(context.Background(), owner(), account.Text(id.Account), "2026-10")
		if err != nil || len(other.Credits) != 0 {
			s.t.Errorf("another month says %+v %v", other.Credits, err)
		}
	}
}
