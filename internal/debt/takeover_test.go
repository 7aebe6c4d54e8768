package debt_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
)

// registers returns a registry on the database of the world.
func (w *world) registers() *registry.Registry {
	return registry.New(registry.Config{Door: store.DoorTo(w.engine, store.Sale, func(tx *store.Tx) registry.Tx { return tx }), Sealer: w.data,
		Now: w.clock, Rand: rand.Reader, Connected: func(string) bool { return false }})
}

// account returns an account as a clerk sees it.
func (w *world) view(name string) debt.AccountView {
	w.t.Helper()
	v, err := w.Account(w.t.Context(), owner(), name)
	if err != nil || v.Refused() {
		w.t.Fatalf("account %s: %v %s", name, err, v.Detail())
	}
	return v
}

// loan raises a debt of which a purchase pays a quarter.
func (w *world) loan(h home) debt.Debt {
	w.t.Helper()
	out, err := w.Add(w.t.Context(), owner(), debt.NewDebt{Account: h.number, Kind: "loan", Memo: "a cooker", Amount: kes(7000), Mode: tariff.Percent, Value: 2500,
		Min: 100, MonthCap: 3000, Priority: 40, Uncapped: true})
	if err != nil || out.Refused() {
		w.t.Fatalf("raise a debt: %v %s", err, out.Detail())
	}
	return out.Value.Debt
}

// movesOut ends the account of a home.
func (w *world) movesOut(h home) debt.MovedOut {
	w.t.Helper()
	out, err := w.MoveOut(w.t.Context(), owner(), debt.MoveOut{Account: h.number, Reason: "lease ended"})
	if err != nil || out.Refused() {
		w.t.Fatalf("move out: %v %s", err, out.Detail())
	}
	return out.Value
}

// TestADebtMovesInWithItsCustomer: a debt must not be shed by moving out and in again. It goes to the new account with its terms, by a
// journal that balances.
func TestADebtMovesInWithItsCustomer(t *testing.T) {
	w := newWorld(t, false)
	rate := w.publish("domestic", from{"2020-01-01T00:00:00Z", flat()})
	h := w.home(1, registry.PrepayWallet, rate)
	old := w.loan(h)
	if _, err := w.AddCharge(t.Context(), owner(), debt.NewCharge{Account: h.number, Name: "visit", Month: "2026-11", Amount: kes(500), VATBps: 1500}); err != nil {
		t.Fatal(err)
	}
	customer := w.view(h.number).Customer.ID
	if left := w.movesOut(h); left.Owed != 7500 {
		t.Fatalf("moved out owing %d, want 75.00", left.Owed)
	}
	w.now = w.now.Add(48 * time.Hour)
	in, err := w.registers().MoveIn(t.Context(), owner(), h.number, registry.MovingIn{Tariff: "domestic", CustomerID: customer.Text(id.Customer), Reason: "came back"})
	if err != nil || in.Refused() {
		t.Fatalf("move in: %v %s", err, in.Detail())
	}
	now, before := w.view(h.number), w.view(h.text)
	if now.ID == before.ID || now.Debts != 7000 || now.Due != 500 || before.Debts != 0 || before.Due != 0 {
		t.Fatalf("the new account owes %d and %d, the old one %d and %d; want 70.00 and 5.00 on the new one alone", now.Debts, now.Due, before.Debts, before.Due)
	}
	list, err := w.List(t.Context(), owner(), debt.ListRequest{Account: h.number})
	if err != nil || len(list.Debts) != 1 {
		t.Fatalf("debts of the new account: %+v %v", list.Debts, err)
	}
	got := list.Debts[0]
	want := old
	want.ID, want.Account = got.ID, now.ID
	if got != want {
		t.Errorf("the debt is now %+v, want the terms of %+v", got, old)
	}
	var was debt.Debt
	w.exec(func(tx *store.Tx) (err error) { was, _, err = tx.Debt(old.ID); return err })
	if was.Outstanding != 0 || was.State() != "moved" {
		t.Errorf("the old debt has %d outstanding and is %q, want none and moved", was.Outstanding, was.State())
	}
	for _, l := range w.books() {
		if l.Code == ledger.Debt && (l.Balance != 7000 || l.Subject != ledger.SubjectOf(now.ID, got.Name())) {
			t.Errorf("the books have %d on %s", l.Balance, l.Subject)
		}
	}
	w.sound()
}

// TestATelephoneIsTheSameHoweverItIsWritten: with or without the country, and with blanks.
func TestATelephoneIsTheSameHoweverItIsWritten(t *testing.T) {
	w := newWorld(t, false)
	h := w.home(999, registry.PrepayWallet, w.publish("domestic", from{"2020-01-01T00:00:00Z", flat()}))
	w.loan(h)
	for n, c := range []struct {
		phone string
		shown int
	}{{"+254700000001", 1}, {"0700000001", 1}, {"254700000001", 1}, {"0700 000 001", 1}, {"+254100000001", 0}, {"+254700000002", 0}, {"", 0}} {
		number := fmt.Sprintf("0414000%03d", 100+n)
		check, err := sts.Luhn(number)
		if err != nil {
			t.Fatal(err)
		}
		added, err := w.registers().AddMeter(t.Context(), owner(), registry.NewMeter{Number: number + string(check), Mode: registry.PrepayWallet, Tariff: "domestic",
			Customer: &registry.NewCustomer{Name: "A. Amina", Phone: c.phone}})
		if err != nil || added.Refused() {
			t.Fatalf("%q: %v %s", c.phone, err, added.Detail())
		}
		if v := w.view(added.Meter.Meter.Number); len(added.OtherDebts) != c.shown || len(v.OtherDebts) != c.shown {
			t.Errorf("with the telephone %q the registration shows %d debts and the account %d, want %d", c.phone, len(added.OtherDebts), len(v.OtherDebts), c.shown)
		}
	}
}

// TestAnotherMeterForADebtorTakesTwoPeople: sales to another meter pay nothing of the debt, so a token meter could be left behind with what is owed. Whoever
// decides alone sees the debt, and nothing moves by itself.
func TestAnotherMeterForADebtorTakesTwoPeople(t *testing.T) {
	w := newWorld(t, false)
	h := w.home(999, registry.PrepayToken, w.publish("domestic", from{"2020-01-01T00:00:00Z", flat()}))
	w.loan(h)
	customer := w.view(h.number).Customer.ID.Text(id.Customer)
	krn, kt := int64(1), int64(2)
	add := func(number string) registry.Added {
		added, err := w.registers().AddMeter(t.Context(), owner(), registry.NewMeter{Number: number, Mode: registry.PrepayToken, Tariff: "domestic", SGC: "123456", KRN: &krn,
			KT: &kt, TI: "01", CustomerID: customer})
		if err != nil || added.Refused() {
			t.Fatalf("add meter %s: %v %s", number, err, added.Detail())
		}
		return added
	}
	alone := add("04140001019")
	if len(alone.OtherDebts) != 1 || alone.OtherDebts[0].Owed != 7000 || !alone.OtherDebts[0].Same || alone.TakenOver != 0 {
		t.Errorf("whoever registers alone sees %+v, taken over %d; want 70.00 shown", alone.OtherDebts, alone.TakenOver)
	}
	w.fourEyes(true)
	asked := add("04140001027")
	if asked.Waits == nil || asked.Waits.Act != access.ActMoveIn || !strings.Contains(asked.Waits.Summary, "70.00") {
		t.Fatalf("one person alone: %+v; want a request that names 70.00", asked.Waits)
	}
	if done, err := w.allowedBy(w.registers().Executors(), asked.Waits); err != nil || done.Refused() {
		t.Fatalf("approved: %v %s", err, done.Detail())
	}
	if now, before := w.view("04140001027"), w.view(h.number); now.Debts != 0 || before.Debts != 7000 || len(now.OtherDebts) != 1 {
		t.Errorf("after the approval the new account owes %d and the old one %d, shown %+v", now.Debts, before.Debts, now.OtherDebts)
	}
	w.sound()
}

// TestACustomerWhoMovedOutOwingStays: nobody takes the customer back, so the debt is found when the customer comes again.
func TestACustomerWhoMovedOutOwingStays(t *testing.T) {
	w := newWorld(t, false)
	h := w.home(1, registry.PrepayWallet, w.publish("domestic", from{"2020-01-01T00:00:00Z", flat()}))
	w.loan(h)
	customer := w.view(h.number).Customer.ID
	w.movesOut(h)
	w.exec(func(tx *store.Tx) error {
		no, err := w.registers().TakeBackCustomer(tx, tx.TakingBack(), owner(), customer)
		if no.Text != "customer-used-since" {
			t.Errorf("taken back: %q", no.Text)
		}
		return err
	})
}

// TestADebtComesAlongToAnotherMeter: the customer who left may get another meter instead of moving in. The debt does not care.
func TestADebtComesAlongToAnotherMeter(t *testing.T) {
	w := newWorld(t, false)
	rate := w.publish("domestic", from{"2020-01-01T00:00:00Z", flat()})
	h := w.home(2, registry.PrepayWallet, rate)
	w.loan(h)
	customer := w.view(h.number).Customer.ID
	w.movesOut(h)
	krn, kt := int64(1), int64(2)
	added, err := w.registers().AddMeter(t.Context(), owner(), registry.NewMeter{Number: "04140001019", Mode: registry.PrepayToken, Tariff: "domestic", SGC: "123456", KRN: &krn,
		KT: &kt, TI: "01", CustomerID: customer.Text(id.Customer)})
	if err != nil || added.Refused() {
		t.Fatalf("add a meter: %v %s", err, added.Detail())
	}
	if now, before := w.view("04140001019"), w.view(h.text); now.Debts != 7000 || before.Debts != 0 {
		t.Errorf("the new account owes %d, the old one %d; want 70.00 on the new one", now.Debts, before.Debts)
	}
	w.sound()
}

// TestAMoveOutThatLeavesADebtTakesTwoPeople: the closed account sells nothing, so nobody collects the debt from there.
func TestAMoveOutThatLeavesADebtTakesTwoPeople(t *testing.T) {
	w := newWorld(t, false)
	h := w.home(1, registry.PrepayWallet, w.publish("domestic", from{"2020-01-01T00:00:00Z", flat()}))
	w.loan(h)
	w.fourEyes(true)
	for range 2 { // nothing waits after a plan
		plan, err := w.PlanMoveOut(t.Context(), owner(), debt.MoveOut{Account: h.number})
		if err != nil || plan.Refused() || plan.Waits == nil || plan.Owed != 7000 {
			t.Fatalf("the plan says %+v, %s, %v; want a second person and 70.00", plan.MovedOut, plan.Detail(), err)
		}
	}
	left := w.movesOut(h)
	if v := w.view(h.text); v.Status != "active" {
		t.Fatalf("one person moved out a customer who owes 70.00: the account is %s", v.Status)
	}
	if left.Waits == nil || !strings.Contains(left.Waits.Summary, "70.00") || left.Waits.Act != access.ActMoveOutOwing {
		t.Fatalf("it waits as %+v, want an approval that names 70.00", left.Waits)
	}
	if done, err := w.allowed(left.Waits); err != nil || done.Refused() {
		t.Fatalf("approved: %v %s", err, done.Detail())
	}
	if v := w.view(h.text); v.Status != "closed" || v.Debts != 7000 {
		t.Errorf("after the approval the account is %s and owes %d", v.Status, v.Debts)
	}
	w.sound()
}

// TestAPersonDecidesAboutTheSameTelephone: a customer who is registered anew is another customer. The debt is shown, and moves only if two people
// agree, at most as much as they saw.
func TestAPersonDecidesAboutTheSameTelephone(t *testing.T) {
	w := newWorld(t, false)
	rate := w.publish("domestic", from{"2020-01-01T00:00:00Z", flat()})
	h, again := w.home(1, registry.PrepayWallet, rate), w.home(2, registry.PrepayToken, rate)
	w.loan(h)
	w.movesOut(h)
	w.fourEyes(true)
	v := w.view(again.number)
	if len(v.OtherDebts) != 1 || v.OtherDebts[0].Owed != 7000 || v.OtherDebts[0].Same || v.OtherDebts[0].Account != h.account || v.Debts != 0 {
		t.Fatalf("the other customer with the same telephone: %+v, owes %d; want 70.00 shown and nothing moved", v.OtherDebts, v.Debts)
	}
	ask := func(to, from string) debt.TakenOver {
		out, err := w.TakeOver(t.Context(), owner(), debt.TakeOver{Account: to, From: from, Reason: "the same tenant"})
		if err != nil {
			t.Fatal(err)
		}
		out.Value.Reason = string(out.Code)
		return out.Value
	}
	for _, c := range []struct{ to, from, want string }{{again.number, again.number, "invalid-request"}, {h.text, again.text, "account-closed"}} {
		w.loan(again)
		if got := ask(c.to, c.from); got.Reason != c.want {
			t.Errorf("%s takes over from %s: %q, want %q", c.to, c.from, got.Reason, c.want)
		}
	}
	asked, old := ask(again.number, h.text), ask(again.number, h.text)
	if asked.Waits == nil || w.view(h.text).Debts != 7000 {
		t.Fatalf("one person moved the debt: %+v", asked)
	}
	if done, err := w.allowed(asked.Waits); err != nil || done.Refused() {
		t.Fatalf("approved: %v %s", err, done.Detail())
	}
	if now, before := w.view(again.number), w.view(h.text); now.Debts != 3*7000 || before.Debts != 0 || len(now.OtherDebts) != 0 {
		t.Errorf("after the approval: %d here and %d there", now.Debts, before.Debts)
	}
	if done, err := w.allowed(old.Waits); err != nil || done.Code != "amount-invalid" {
		t.Errorf("the second request: %v %s, want nothing left", err, done.Detail())
	}
	w.sound()
}

// sound fails if verification finds anything.
func (w *world) sound() {
	w.t.Helper()
	var r store.Report
	err := w.engine.View(w.t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		r = store.Report{}
		return store.Verify(tx, store.Trust{AtOnce: true, Keys: w.engine.(interface{ Keys() seal.Chain }).Keys()}, &r)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.Rule == "counter" {
			continue // the homes of this test number their meters themselves
		}
		w.t.Errorf("verify: %s: %s", f.Rule, f.What)
	}
}
