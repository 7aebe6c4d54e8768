package debt_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/unit"
)

// TestAMoveOutDoesWhatItsPlanSays plans the move-out of random customers and then lets them move out. The plan writes nothing, and its figures are
// those of the move-out.
func TestAMoveOutDoesWhatItsPlanSays(t *testing.T) {
	w := newWorld(t, false)
	r := rand.New(rand.NewPCG(tier.Seed(t), 2))
	daily := flat()
	daily.Fixed = []tariff.FixedCharge{{Name: "line", Amount: 333, Per: tariff.PerDay},
		{Name: "meter", Amount: 9800, Per: tariff.PerMonth, Priority: 40}}
	daily.Free.Units = 10_000
	begin := "2020-01-01T00:00:00Z"
	tariffs := [][16]byte{w.publish("flat", from{begin, flat()}), w.publish("standing", from{begin, standing()}), w.publish("daily", from{begin, daily})}
	pick := func(most int64) money.Minor { return money.Minor(max(0, r.Int64N(2*most)-most)) } // mostly something, often nothing
	seen := map[string]int{}
	for n := range int64(60) {
		mode := []registry.Mode{registry.PrepayToken, registry.PrepayWallet}[n%2]
		h := w.home(n+1, mode, tariffs[r.IntN(3)])
		for _, code := range []ledger.Code{ledger.Deposit, ledger.Carry} {
			if amount := pick(20_000); amount > 0 {
				w.has(h, code, amount)
			}
		}
		if mode == registry.PrepayWallet {
			if amount := pick(5_000); amount > 0 {
				w.has(h, ledger.Wallet, amount)
			}
			w.reads(h, 0, 1+r.Int64N(3000), 3001+r.Int64N(3000))
		}
		for range r.IntN(4) {
			done, err := w.Add(t.Context(), owner(), debt.NewDebt{Account: h.text, Kind: "loan", Amount: kes(1 + pick(9_000)), Priority: 10 + r.IntN(30)})
			if err != nil || done.Refused() {
				t.Fatalf("raise a debt: %v %s", err, done.Detail())
			}
		}
		if r.IntN(3) == 0 {
			w.plansTariff(h, tariffs[r.IntN(3)])
		}
		w.now = w.now.Add(time.Duration(r.IntN(20)) * time.Hour)
		if r.IntN(2) == 0 {
			if _, err := w.Accrue(t.Context(), system()); err != nil {
				t.Fatal(err)
			}
		}
		w.movesOutAsPlanned(h, mode, seen)
	}
	for _, rare := range []string{"refund", "owed", "final bill", "several claims", "a smaller charge", "a planned tariff", "free units", "a lease"} {
		if seen[rare] == 0 {
			t.Errorf("no move-out had %s", rare)
		}
	}
}

// plansTariff plans another tariff for a home, in two days.
func (w *world) plansTariff(h home, of [16]byte) {
	w.t.Helper()
	w.exec(func(tx *store.Tx) error {
		i, err := tx.NewID()
		if err != nil {
			return err
		}
		return tx.AddTariffChange(registry.TariffChange{ID: i, Account: h.account, N: 1, Tariff: of, From: w.now.AddDate(0, 0, 2),
			By: "test", Reason: "a shop", At: w.now})
	})
}

// movesOutAsPlanned plans a move-out, compares it with the move-out itself, and counts what was rare about it.
func (w *world) movesOutAsPlanned(h home, mode registry.Mode, seen map[string]int) {
	w.t.Helper()
	m := debt.MoveOut{Account: h.number, Reason: "lease ended"}
	if mode == registry.PrepayToken {
		m.Credit = registry.CreditOf(unit.FromTenths(124))
	}
	books, journals, log := w.books(), w.journals(), w.audit()
	plan, err := w.PlanMoveOut(w.t.Context(), owner(), m)
	if err != nil || plan.Refused() {
		w.t.Fatalf("plan the move-out of %s: %v %s", h.number, err, plan.Detail())
	}
	if !reflect.DeepEqual(w.books(), books) || !slices.Equal(w.journals(), journals) || len(w.audit()) != len(log) {
		w.t.Errorf("the plan of %s wrote something", h.number)
	}
	done, err := w.MoveOut(w.t.Context(), owner(), m)
	if err != nil || done.Refused() {
		w.t.Fatalf("move out of %s: %v %s", h.number, err, done.Detail())
	}
	out := done.Value
	out.Journal = plan.Journal // the plan has none
	if !reflect.DeepEqual(out, plan.MovedOut) {
		w.t.Errorf("%s of %s:\nplanned %+v\ndone    %+v", mode, h.number, plan.MovedOut, out)
	}
	if plan.Waits != nil || plan.Customer.Name != "Amina A." { // a utility without people has no second person
		w.t.Errorf("the plan of %s: second person %v, customer %q", h.number, plan.Waits, plan.Customer.Name)
	}
	w.leftAsPlanned(h, plan)
	claims := out.Claims()
	paid, owed := money.Minor(0), money.Minor(0)
	for _, c := range claims {
		paid, owed = paid+c.Paid, owed+c.Owed-c.Paid
	}
	if paid != out.Paid || owed != out.Owed || out.Wallet+out.Deposit+out.Carry != out.Paid+out.Refund {
		w.t.Errorf("the claims of %s pay %d and leave %d: %+v", h.number, paid, owed, out)
	}
	for rare, is := range map[string]bool{"refund": out.Refund > 0, "owed": out.Owed > 0, "final bill": out.FinalBill > 0,
		"several claims":   len(claims) > 2,
		"a smaller charge": slices.ContainsFunc(claims, func(c debt.Claim) bool { return c.Owed < c.Before }),
		"a planned tariff": out.Ended.Tariff != "", "free units": out.Ended.FreeDue > 0, "a lease": out.Ended.MaySupply > 0} {
		if is {
			seen[rare]++
		}
	}
}

// leftAsPlanned compares what the books and the account say after a move-out with its plan.
func (w *world) leftAsPlanned(h home, plan debt.MoveOutPlan) {
	w.t.Helper()
	has := map[ledger.Code]money.Minor{}
	for _, l := range w.books() {
		if l.Subject == h.text {
			has[l.Code] = -l.Balance
		}
	}
	if has[ledger.Wallet] != 0 || has[ledger.Deposit] != 0 || has[ledger.Carry] != 0 || has[ledger.RefundDue] != plan.Refund {
		w.t.Errorf("after the move-out of %s the books have %v, planned were %d due back and nothing else", h.number, has, plan.Refund)
	}
	shown, err := w.Account(w.t.Context(), owner(), h.text)
	if err != nil || shown.Due+shown.Debts != plan.Owed {
		w.t.Errorf("after the move-out of %s it owes %d of charges and %d of debts, planned were %d, %v", h.number, shown.Due, shown.Debts, plan.Owed, err)
	}
	left := map[string]money.Minor{}
	for _, d := range w.debts(h) {
		left[d.Name()] = d.Outstanding
	}
	for _, c := range plan.Claims() {
		if name := c.Debt.Text(id.Debt); !c.Debt.IsZero() && left[name] != c.Owed-c.Paid {
			w.t.Errorf("after the move-out of %s debt %s is at %d, planned were %d less %d", h.number, c.Kind, left[name], c.Owed, c.Paid)
		}
	}
}

// TestAPlanOfAMoveOutMakesTheChecksOfTheMoveOut: it needs the same right and meets the same refusals, but needs no reason and no credit.
func TestAPlanOfAMoveOutMakesTheChecksOfTheMoveOut(t *testing.T) {
	w := newWorld(t, false)
	v := w.publish("flat", from{"2020-01-01T00:00:00Z", flat()})
	wallet, keypad, postpay := w.home(1, registry.PrepayWallet, v), w.home(2, registry.PrepayToken, v), w.home(3, registry.Postpay, v)
	w.has(wallet, ledger.Wallet, 10_000)
	w.reads(wallet, 0, 1000)
	reader := owner()
	reader.Role = access.Auditor
	plan := func(by access.Actor, account string, left registry.CreditLeft) debt.MoveOutPlan {
		t.Helper()
		p, err := w.PlanMoveOut(t.Context(), by, debt.MoveOut{Account: account, Credit: left})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, c := range map[string]struct {
		by      access.Actor
		account string
		left    registry.CreditLeft
		want    refusal.Code
	}{
		"a wallet":                          {owner(), wallet.number, registry.CreditLeft{}, ""},
		"a keypad meter without its credit": {owner(), keypad.text, registry.CreditLeft{}, ""},
		"a wallet with a credit":            {owner(), wallet.number, registry.CreditOf(1000), refusal.InvalidRequest},
		"a post-paid meter":                 {owner(), postpay.number, registry.CreditLeft{}, refusal.InvalidRequest},
		"nobody's account":                  {owner(), "nobody", registry.CreditLeft{}, refusal.MeterNumberInvalid},
		"who may not write customers":       {reader, wallet.number, registry.CreditLeft{}, refusal.Forbidden},
	} {
		if p := plan(c.by, c.account, c.left); p.Code != c.want {
			t.Errorf("%s: %q, want %q: %s", name, p.Code, c.want, p.Detail())
		}
	}
	p := plan(owner(), keypad.number, registry.CreditLeft{})
	done, err := w.MoveOut(t.Context(), owner(), debt.MoveOut{Account: keypad.number, Reason: "lease ended"})
	if no := p.NeedsCredit(); err != nil || !no.Refused() || no.Detail() != done.Detail() {
		t.Errorf("without the credit: the plan %q, the move-out %q, %v", no.Detail(), done.Detail(), err)
	}
	w.settings(func(s *registry.Settings) { s.Ceilings = map[access.Ceiling]int64{access.PersonFree: 19_999} })
	clerk := access.Actor{Tenant: store.FirstTenant, Kind: access.Person, ID: id.ID{15: 9}, Name: "clerk@example.org", Role: access.Owner}
	w.exec(func(tx *store.Tx) error {
		return tx.AddPersonRow(access.PersonRow{ID: clerk.ID, Email: clerk.Name, Role: clerk.Role, Password: "x", CreatedAt: tx.Now})
	})
	if p := plan(clerk, wallet.number, registry.CreditLeft{}); p.Code != refusal.DailyLimit {
		t.Errorf("a lease above the ceiling: %q, want %q", p.Code, refusal.DailyLimit)
	}
	if p := plan(owner(), wallet.number, registry.CreditLeft{}); p.Code != refusal.Forbidden {
		t.Errorf("a key that belongs to nobody: %q, want %q", p.Code, refusal.Forbidden)
	}
}

// TestAMoveOutLeavesNoMoreThanWasShown: a debt that was added after somebody looked at the plan refuses the move-out.
func TestAMoveOutLeavesNoMoreThanWasShown(t *testing.T) {
	w := newWorld(t, false)
	h := w.home(1, registry.PrepayToken, w.publish("flat", from{"2020-01-01T00:00:00Z", flat()}))
	m := debt.MoveOut{Account: h.number, Reason: "lease ended", Credit: registry.CreditOf(0)}
	plan, err := w.PlanMoveOut(t.Context(), owner(), m)
	if err != nil || plan.Owed != 0 {
		t.Fatalf("the plan leaves %d: %v", plan.Owed, err)
	}
	m.Shown = &plan.Owed
	done, err := w.Add(t.Context(), owner(), debt.NewDebt{Account: h.text, Kind: "loan", Amount: kes(70)})
	if err != nil || done.Refused() {
		t.Fatalf("raise a debt: %v %s", err, done.Detail())
	}
	out, err := w.MoveOut(t.Context(), owner(), m)
	if err != nil || out.Code != refusal.ApprovalInvalid {
		t.Errorf("the page showed no debt, and the move-out leaves one: %q %v", out.Code, err)
	}
	shown := money.Minor(70)
	m.Shown = &shown
	out, err = w.MoveOut(t.Context(), owner(), m)
	if err != nil || out.Refused() || out.Value.Owed != 70 {
		t.Errorf("the move-out as it was shown: %s, leaves %d, %v", out.Detail(), out.Value.Owed, err)
	}
}
