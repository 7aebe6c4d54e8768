package shoptest_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
)

// TestAWriteOffWaitsForASecondPerson: under four eyes a write-off is booked only when somebody else approves it, and only once.
func TestAWriteOffWaitsForASecondPerson(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	meter := s.meter(1, place{tariff: s.publish("flat", flat(), long())})
	account := s.account(meter)
	arrears := s.debt(account, debt.Debt{Mode: tariff.Full, Outstanding: 5000})
	before := s.owes(account)
	off, err := s.WriteOff(context.Background(), owner(), debt.WriteOff{Debt: arrears.Text(id.Debt), Amount: ptr(money.Minor(2000)), Reason: "moved away"})
	if err != nil || off.Value.Waits == nil || s.owes(account) != before {
		t.Fatalf("written off by one person: %v, %s; the account owes %s", err, off.Detail(), s.owes(account))
	}
	give, err := s.Adjust(context.Background(), owner(), debt.Adjustment{Account: meter, Amount: kes(1000), Reason: "outage"})
	if err != nil || give.Value.Waits == nil {
		t.Fatalf("goodwill by one person: %v, %s", err, give.Detail())
	}
	for _, w := range []*access.Approval{off.Value.Waits, give.Value.Waits} {
		maker := w.Maker
		maker.Approval = w.ID
		if done, err := s.Executors()[access.ActAdjust](context.Background(), maker, w.Body); err != nil || done.Code != refusal.ApprovalInvalid {
			t.Errorf("done before it was allowed: %v %q", err, done.Code)
		}
		s.allow(*w)
		for _, want := range []refusal.Code{"", refusal.ApprovalInvalid} {
			if done, err := s.Executors()[access.ActAdjust](context.Background(), maker, w.Body); err != nil || done.Code != want {
				t.Errorf("done under its approval: %v %q, want %q the first time only", err, done.Code, want)
			}
		}
	}
	if got, want := s.owes(account), "arrears 3000 (ledger 3000, month 0)"; got != want {
		t.Errorf("then the account owes %s, want %s", got, want)
	}
	if b := s.balances(); b[ledger.ExpenseBadDebt] != 2000 || b[ledger.ExpenseGoodwill] != 1000 {
		t.Errorf("booked %v", b)
	}
}

// fourEyes makes sensitive actions wait for a second person.
func (s *shop) fourEyes() {
	s.t.Helper()
	s.setFourEyes(true)
}

// setFourEyes says whether sensitive actions wait for a second person.
func (s *shop) setFourEyes(on bool) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		set.FourEyes = &on
		return errors.Join(err, tx.PutTenantSettings(set))
	})
}

// allow has a second person approve an act.
func (s *shop) allow(w access.Approval) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		w.State, w.Checker, w.DecidedAt = access.ApprovalGiven, access.Actor{Kind: access.Person, Name: "finance"}, tx.Now
		_, err := tx.PutApproval(w, access.ApprovalWaiting)
		return err
	})
}

// TestAWriteOffIsOfWhatWasAllowed: a write-off covers only the amount that was outstanding at its request. A later reversal adds to the
// debt, but not to the write-off.
func TestAWriteOffIsOfWhatWasAllowed(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	meter := s.meter(1, place{tariff: s.publish("flat", flat(), long())})
	account := s.account(meter)
	arrears := s.debt(account, debt.Debt{Mode: tariff.Amount, Value: 4000, Outstanding: 5000})
	sold := s.sell(order(meter, 10000, "key-number-1"))
	off, err := s.WriteOff(context.Background(), owner(), debt.WriteOff{Debt: arrears.Text(id.Debt), Reason: "moved away"})
	if err != nil || off.Value.Waits == nil || !strings.Contains(off.Value.Waits.Summary, "write off 10.00 KES ") {
		t.Fatalf("asked for: %v, %s, %+v", err, off.Detail(), off.Value.Waits)
	}
	if back, err := s.Reverse(context.Background(), anotherSupervisor(), vending.PendingReversal{Sale: sold.Sale.ID.Text(id.Vend), Reason: "wrong meter"}); err != nil || back.Refused() {
		t.Fatalf("reversed: %v %s", err, back.Detail())
	}
	if no := s.allowedBy(juma(), *s.waiting(sold.Sale)); no.Refused() {
		t.Fatalf("the reversal is approved: %s", no.Detail())
	}
	s.allow(*off.Value.Waits)
	maker := off.Value.Waits.Maker
	maker.Approval = off.Value.Waits.ID
	if done, err := s.Executors()[access.ActAdjust](context.Background(), maker, off.Value.Waits.Body); err != nil || done.Refused() {
		t.Fatalf("done: %v %s", err, done.Detail())
	}
	if got, want := s.owes(account), "arrears 4000 (ledger 4000, month 0)"; got != want {
		t.Errorf("then the account owes %s, want %s", got, want)
	}
	s.verified()
}

func TestSumsThatNobodyCanMeanAreRefused(t *testing.T) {
	s := open(t, true)
	meter := s.meter(1, place{tariff: s.publish("flat", flat(), long())})
	arrears := s.debt(s.account(meter), debt.Debt{Mode: tariff.Full, Outstanding: 5000})
	for _, minor := range []money.Minor{-1, 0, 5001, math.MaxInt64, math.MinInt64} {
		if off, err := s.WriteOff(context.Background(), owner(), debt.WriteOff{Debt: arrears.Text(id.Debt), Amount: &minor, Reason: "x"}); err != nil || off.Code != refusal.AmountInvalid {
			t.Errorf("write off %d: %v %q, want amount-invalid", minor, err, off.Code)
		}
	}
	give := func(minor money.Minor) refusal.Code {
		out, err := s.Adjust(context.Background(), owner(), debt.Adjustment{Account: meter, Amount: kes(minor), Reason: "x"})
		if err != nil {
			t.Fatal(err)
		}
		return out.Code
	}
	if got := give(money.MaxMinor); got != "" {
		t.Fatalf("the most there may be: %q", got)
	}
	if got := give(1); got != refusal.AmountInvalid {
		t.Errorf("more carry than any purchase can use: %q, want amount-invalid", got)
	}
	if q, err := s.Quote(context.Background(), owner(), meter, kes(10000)); err != nil || q.Code != refusal.VendTooLarge {
		t.Errorf("a quote with that carry: %v %q, want vend-too-large", err, q.Code)
	}
}

// A vendor's terms can give money away. Under four eyes, a new vendor or a change of a vendor's terms therefore waits for a second person,
// who reads the old and new terms in words. Stopping a vendor needs no approval.
func TestAVendorsTermsWaitForASecondPerson(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	ctx := context.Background()
	credit := func(minor money.Minor) vendor.Terms { return vendor.Terms{Credit: &minor} }
	half, whole, stop, name := money.Bps(50), money.Bps(10_000), true, "Kiosk"
	s.publish("domestic", flat(), monday())
	do := func(w *access.Approval) refusal.Code {
		t.Helper()
		maker := w.Maker
		maker.Approval = w.ID
		done, err := s.Executors()[access.ActTerms](ctx, maker, w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return done.Code
	}
	limit := func() int64 { return s.number(`SELECT SUM(credit_limit) FROM vendor`) }
	made, err := s.Vendors.Add(ctx, owner(), vendor.NewVendor{Name: "Corner shop", Credit: 5000})
	if err != nil || made.Waits == nil || s.number(`SELECT COUNT(*) FROM vendor`) != 0 {
		t.Fatalf("a vendor with credit by one person: %v %s", err, made.Detail())
	}
	if got := do(made.Waits); got != refusal.ApprovalInvalid {
		t.Errorf("taken on before it was allowed: %q", got)
	}
	if got, want := made.Waits.Summary, "take on vendor the next free code (\"Corner shop\"): billing float, commission 0 %, credit limit 50.00 KES"; got != want {
		t.Errorf("a new vendor: %q, want %q", got, want)
	}
	s.allow(*made.Waits)
	for _, want := range []refusal.Code{"", refusal.ApprovalInvalid} {
		if got := do(made.Waits); got != want || limit() != 5000 {
			t.Errorf("taken on: %q with credit %d, want %q and 5000", got, limit(), want)
		}
	}
	code := s.vendor(vendor.NewVendor{}).Code
	raised, err := s.SetTerms(ctx, owner(), code, credit(9000))
	if err != nil || raised.Waits == nil || limit() != 5000 {
		t.Fatalf("raised by one person: %v %s, limits %d", err, raised.Detail(), limit())
	}
	s.allow(*raised.Waits)
	if got := do(raised.Waits); got != "" || limit() != 14_000 {
		t.Errorf("raised: %q, limits %d, want 14000", got, limit())
	}
	for _, c := range []struct {
		terms vendor.Terms
		want  string
	}{
		{vendor.Terms{Commission: &half}, "change vendor V002 (\"Corner shop\"): commission from 0 % to 0.5 %"},
		{credit(100), "change vendor V002 (\"Corner shop\"): credit limit from 90.00 KES to 1.00 KES"},
		{vendor.Terms{Name: &name}, `change vendor V002 ("Corner shop"): name from "Corner shop" to "Kiosk"`},
		{vendor.Terms{Blocked: &stop, Commission: &half}, "change vendor V002 (\"Corner shop\"): commission from 0 % to 0.5 %, status from active to blocked"},
	} {
		if got, err := s.SetTerms(ctx, owner(), code, c.terms); err != nil || got.Waits == nil || got.Waits.Summary != c.want || limit() != 14_000 {
			t.Errorf("changed by one person: %v %s %+v, want it to wait as %q", err, got.Detail(), got.Waits, c.want)
		}
	}
	if got, err := s.SetTerms(ctx, owner(), code, vendor.Terms{Commission: &whole}); err != nil || got.Code != refusal.CommissionTooHigh {
		t.Errorf("above the ceiling: %v %q %+v", err, got.Code, got.Waits)
	}
	if got, err := s.SetTerms(ctx, owner(), code, vendor.Terms{Blocked: &stop}); err != nil || got.Refused() || got.Waits != nil || !got.Vendor.Blocked {
		t.Errorf("blocked: %v %s %+v", err, got.Detail(), got.Waits)
	}
	if n := s.number(`SELECT COUNT(*) FROM audit WHERE action LIKE 'vendor.%' AND single_person = 1`); n != 0 {
		t.Errorf("%d changes are said to be one person's", n)
	}
}

// The seller cannot be the second person of the reversal through another key.
func TestTwoKeysOfOnePersonDoNotReverse(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.fourEyes()
	key := func(name string, answers id.ID) access.Actor {
		t.Helper()
		k := access.Key{Name: name, Role: access.Owner, Answers: answers, CreatedAt: s.clock.Now()}
		s.do(func(tx *store.Tx) (err error) {
			if k.ID, err = tx.NewID(); err != nil {
				return err
			}
			return tx.AddKey(k, [32]byte(append(k.ID[:], k.ID[:]...)))
		})
		return access.Actor{Tenant: tenant, Kind: access.APIKey, ID: k.ID, Name: name, Role: access.Owner, Answers: answers}
	}
	till := key("till", id.ID{})
	hers, other := key("office", till.ID), key("elsewhere", id.ID{})
	for i, c := range []struct {
		by    access.Actor
		waits bool
	}{{hers, true}, {other, true}} {
		sold := s.sellAs(till, order(m, 10000, "key-number-"+string(rune('1'+i))))
		if sold.Refused() {
			t.Fatal(sold.Detail())
		}
		got := s.undo(c.by, sold.Sale, "mistyped", "undo-key-"+string(rune('1'+i)))
		state, _ := s.state(sold.Sale)
		if got.Refused() || (state == sale.Completed) != c.waits {
			t.Errorf("reversed by %s: %q, the sale is %s; want it to wait: %t", c.by, got.Detail(), state, c.waits)
		}
	}
}

// A vendor's name is quoted in the text to be approved, so that it cannot pass for terms.
func TestAVendorsNameCannotPoseAsTerms(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	s.publish("domestic", flat(), monday())
	posing, err := s.Vendors.Add(t.Context(), owner(), vendor.NewVendor{Code: "V9", Name: "Kiosk): billing float, commission 0 %, credit limit 0.00 KES (", Credit: 9_000_000})
	if err != nil || posing.Waits == nil || !strings.HasPrefix(posing.Waits.Summary, `take on vendor V9 ("Kiosk): billing`) ||
		!strings.HasSuffix(posing.Waits.Summary, `("): billing float, commission 0 %, credit limit 90000.00 KES`) {
		t.Errorf("a name that poses as figures: %v %+v", err, posing.Waits)
	}
	turned, err := s.Vendors.Add(t.Context(), owner(), vendor.NewVendor{Code: "V8", Name: "Kiosk \u202e", Credit: 9_000_000})
	if err != nil || turned.Code != refusal.InvalidRequest {
		t.Errorf("a name that turns the text around: %v %q", err, turned.Code)
	}
}
