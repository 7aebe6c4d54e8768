package shoptest_test

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
)

// plansMoveIn returns what a move-in would do.
func (s *shop) plansMoveIn(by access.Actor, meter string, in registry.MovingIn) vending.MoveInPlan {
	s.t.Helper()
	plan, err := s.PlanMoveIn(context.Background(), by, meter, in)
	if err != nil {
		s.t.Fatal(err)
	}
	return plan
}

// withoutRefs leaves out the identities of debts: each gets another one when it is taken over.
func withoutRefs(q vending.Quoted) vending.Quoted {
	q.Lines = slices.Clone(q.Lines)
	for i := range q.Lines {
		if q.Lines[i].Kind == sale.LineDebt {
			q.Lines[i].Ref = ""
		}
	}
	return q
}

// TestAMoveInSaysBeforehandWhatItDoes: a customer who left owing 500.00 comes back on the 11th of a month, on a tariff with a fee of 300.00 and tax. The
// plan says what the new account takes over, and what a purchase of 20 kWh costs with all that is due. It changes nothing, and comes true.
func TestAMoveInSaysBeforehandWhatItDoes(t *testing.T) {
	needsWholeStore(t)
	t.Run("SQLite", planMoveIn)
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		planMoveIn(t)
	})
}

func planMoveIn(t *testing.T) {
	s := openTenancies(t)
	s.clock.set(s.at("2026-11-10T09:00:00Z"))
	s.publish("homes", serviceFee(30_000), long())
	meter, err := s.registry.Meter(context.Background(), owner(), s.meter)
	if err != nil {
		t.Fatal(err)
	}
	s.debt(s.account(s.meter), debt.Debt{Mode: tariff.Full, Outstanding: 50_000})
	s.leave(registry.CreditOf(2400))
	s.clock.add(25 * time.Hour)
	in := registry.MovingIn{Tariff: "homes", CustomerID: meter.Customer.ID.Text(id.Customer)}
	before, rows := s.accounts(), s.number(`SELECT COUNT(*) FROM audit`)
	plan := s.plansMoveIn(owner(), s.meter, in)
	if plan.Refused() || plan.TakenOver != 50_000 || plan.Before != "domestic" || plan.Tariff != "homes" || plan.Credit != registry.CreditOf(2400) || plan.Waits != nil {
		t.Fatalf("the plan: %+v %s", plan.ChangedMeter, plan.Detail())
	}
	if !reflect.DeepEqual(s.accounts(), before) || s.number(`SELECT COUNT(*) FROM audit`) != rows || s.number(`SELECT COUNT(*) FROM approval`) != 0 {
		t.Error("the plan wrote something")
	}
	if plan.First == nil || plan.First.Refused() || plan.First.Units != tariff.NewPurchase {
		t.Fatalf("the first purchase: %+v", plan.First)
	}
	in.Reason = "came back"
	if out, err := s.registry.MoveIn(context.Background(), owner(), s.meter, in); err != nil || out.Refused() {
		t.Fatalf("move in: %v %s", err, out.Detail())
	}
	sold := s.sell(order(s.meter, plan.First.Tender.Minor, "first purchase")).Sale
	got := vending.Quoted{Lines: sold.Lines}
	if got, want := withoutRefs(got).Lines, withoutRefs(*plan.First).Lines; !reflect.DeepEqual(got, want) {
		t.Errorf("the first purchase has the lines\n%s\nwant those of the plan\n%s", lines(got), lines(want))
	}
	if l := line(t, sold, sale.LineFixed); l.Amount+l.VAT != 23_000 { // 345.00 less 115.00 for ten of thirty days
		t.Errorf("the fee is %d, want 230.00", l.Amount+l.VAT)
	}
	if l := line(t, sold, sale.LineDebt); l.Amount != 50_000 {
		t.Errorf("the debt is %d, want 500.00", l.Amount)
	}
	s.verified()
}

// TestAPlanOfAMoveInMakesTheChecksOfTheMoveIn: it meets the same refusals, says that a second person must agree without asking one, and says why nothing
// could be sold.
func TestAPlanOfAMoveInMakesTheChecksOfTheMoveIn(t *testing.T) {
	s := openTenancies(t)
	in := registry.MovingIn{Tariff: "domestic", Customer: &registry.NewCustomer{Name: "Kwame M."}}
	for meter, want := range map[string]refusal.Code{s.meter: refusal.MeterExists, "04140009999": refusal.MeterNotFound} {
		if p := s.plansMoveIn(owner(), meter, in); p.Code != want {
			t.Errorf("meter %s: %q, want %q: %s", meter, p.Code, want, p.Detail())
		}
	}
	s.leave(registry.CreditOf(0))
	s.fourEyes()
	if p := s.plansMoveIn(signedIn(), s.meter, in); p.Refused() || p.Waits == nil || p.First == nil || p.First.Refused() {
		t.Errorf("less than a day after the move-out: waits %v, first purchase %+v, %s", p.Waits, p.First, p.Detail())
	}
	if n := s.number(`SELECT COUNT(*) FROM approval`); n != 0 {
		t.Errorf("%d approvals wait for a plan", n)
	}
	s.exec(`UPDATE meter_key SET state = 'planned'`)
	if p := s.plansMoveIn(signedIn(), s.meter, in); p.Refused() || p.First == nil || p.First.Code != refusal.KeyChangeRequired {
		t.Errorf("while a change of the key is planned: %+v %s", p.First, p.Detail())
	}
	wallet := s.walletMeter(7, s.publish("wallets", flat(), long()))
	if out, err := s.MoveOut(context.Background(), signedIn(), leaves(wallet, "leave-wallet")); err != nil || out.Refused() {
		t.Fatalf("%v %s", err, out.Detail())
	}
	in.Tariff = "wallets"
	if p := s.plansMoveIn(signedIn(), wallet, in); p.Refused() || p.First != nil {
		t.Errorf("a wallet: first purchase %+v, %s", p.First, p.Detail())
	}
}
