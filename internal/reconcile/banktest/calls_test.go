package banktest_test

// This file tries what becomes of a provider's calls that need a person, on a real store and with a store that fails.

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// errForeign is why a call cannot be read.
var errForeign = errors.New("not a call of this provider")

// receive stores a call of the provider and reads it.
func (b *bank) receive(what, body string) payment.Call {
	b.t.Helper()
	heard, err := b.payments.Receive(b.t.Context(), store.FirstTenant, b.path, payment.Incoming{What: what, Body: []byte(body), From: "192.0.2.7"})
	if err != nil || !heard.Found || heard.Refuse != nil {
		b.t.Fatalf("the call is not stored: %+v %v", heard, err)
	}
	sum := sha256.Sum256([]byte(what + "\x00" + body))
	call := func() (c payment.Call) {
		b.do(func(tx *store.Tx) (err error) {
			c, _, err = tx.Paying().Payments().CallByHash(b.provider, sum[:])
			return err
		})
		return c
	}
	item, err := json.Marshal(map[string]string{"call": call().ID.Text(id.Call)})
	if err != nil {
		b.t.Fatal(err)
	}
	if v, err := payment.NewWorker(b.payments).Send(b.t.Context(), store.FirstTenant, job.Claim{Item: job.Item{Kind: "read", Body: item}}); err != nil || v != job.Done() {
		b.t.Fatalf("the call is not read: %+v %v", v, err)
	}
	return call()
}

// pay lets the provider say that it took a payment.
func (b *bank) pay(txn string, amount int64, proved bool) payment.Payment {
	b.t.Helper()
	b.unread = nil
	b.notices = []payment.Notice{{Kind: payment.Paid, Txn: txn, Amount: kes(amount), PaidAt: b.now, Signed: proved}}
	b.receive("paid", fmt.Sprint(txn, amount, proved))
	var p payment.Payment
	b.do(func(tx *store.Tx) (err error) {
		p, _, err = tx.Paying().Payments().PaymentNamed("bank", txn)
		return err
	})
	return p
}

func kes(minor int64) money.Amount { return money.Amount{Minor: money.Minor(minor), Currency: "KES"} }

// own makes differences of the calls that need a person.
func (b *bank) own() {
	b.t.Helper()
	if err := b.st.OwnCalls(b.t.Context(), store.FirstTenant); err != nil {
		b.t.Fatal(err)
	}
}

// itemText says what a difference is about.
func itemText(i reconcile.Item) string {
	return fmt.Sprintf("%s %s %s %d/%d %s %q x%d", i.Date, i.Kind, i.Txn, i.Stated, i.Paid, i.Currency, i.Note, i.Count)
}

// TestACallThatNeedsAPersonIsADifference of the day on which it arrived, whose call knows it.
func TestACallThatNeedsAPersonIsADifference(t *testing.T) {
	b := openBank(t)
	b.zone = "Africa/Nairobi"
	b.now = time.Date(2026, 11, 24, 20, 59, 59, 0, time.UTC)
	paid := b.pay("Q1", 500, true)
	for _, c := range []struct {
		name   string
		at     time.Time
		what   string
		notice *payment.Notice // nil for a call that cannot be read
		want   string
	}{
		{"a call that cannot be read", b.now, "paid", nil, `2026-11-24 unreadable-call  0/0  "not a call of this provider" x1`},
		{"it is the next day at the utility", b.now.Add(time.Second), "paid", nil, `2026-11-25 unreadable-call  0/0  "not a call of this provider" x1`},
		{"an address that ends with the word", b.now, payment.WhatContradicts, nil, `2026-11-24 unreadable-call  0/0  "not a call of this provider" x1`},
		{"a payment that has another amount now", b.now, "paid", &payment.Notice{Kind: payment.Paid, Txn: "Q1", Amount: kes(700), PaidAt: b.now, Signed: true},
			`2026-11-24 contradiction Q1 700/500 KES "paid 7.00 KES, not 5.00 KES" x1`},
		{"more went back than was paid", b.now, "paid", &payment.Notice{Kind: payment.Undone, Txn: "Q1", Amount: kes(900), PaidAt: b.now, Signed: true},
			`2026-11-24 contradiction Q1 900/500 KES "gave back 9.00 KES, not 5.00 KES" x1`},
		{"a call that can be read", b.now, "paid", &payment.Notice{Kind: payment.Paid, Txn: "Q2", Amount: kes(700), PaidAt: b.now, Signed: true}, ""},
	} {
		known := map[id.ID]bool{}
		for _, i := range b.open() {
			known[i.ID] = true
		}
		b.now, b.unread, b.notices = c.at, errForeign, nil
		if c.notice != nil {
			b.unread, b.notices = nil, []payment.Notice{*c.notice}
		}
		b.receive(c.what, c.name)
		b.own()
		var got string
		for _, i := range b.open() {
			if known[i.ID] {
				continue
			}
			got += itemText(i)
			if i.Provider != "bank" || i.Owner != "accountant" || !i.FoundAt.Equal(c.at) || !i.At.Equal(c.at) || i.Kind == reconcile.Contradiction && i.Payment != paid.Name() {
				t.Errorf("%s: the difference is %+v", c.name, i)
			}
			key, err := id.Parse(id.Call, i.Key)
			b.do(func(tx *store.Tx) error {
				call, _, no := tx.Paying().Payments().CallByID(key)
				if call.Difference != i.ID {
					t.Errorf("%s: the call belongs to difference %s, want %s", c.name, call.Difference, i.Name())
				}
				return errors.Join(no, err)
			})
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestManyCallsAreOwnedInSlices and none is left, or listed twice.
func TestManyCallsAreOwnedInSlices(t *testing.T) {
	b := openBank(t)
	b.unread = errForeign
	for n := range 51 {
		b.receive("paid", fmt.Sprint(n))
	}
	b.own()
	b.own()
	b.now = b.now.Add(24 * time.Hour)
	if before, day := b.run(24), b.run(25); before.Unsettled != 0 || day.Unsettled != 51 || day.State != reconcile.Open {
		t.Errorf("the day before has %+v, the day of the calls %+v", before, day)
	}
}

// TestACallThatIsReadLaterIsSettledByTheProgram when its provider repeats it and it is understood then.
func TestACallThatIsReadLaterIsSettledByTheProgram(t *testing.T) {
	b := openBank(t)
	b.unread = errForeign
	b.receive("paid", "one")
	b.receive("paid", "two")
	b.own()
	b.unread = nil
	b.receive("paid", "one")
	open := b.open()
	calls := b.whenever("own the calls", func() error { return b.st.OwnCalls(t.Context(), store.FirstTenant) })
	if calls < 4 {
		t.Errorf("owning calls has %d calls", calls)
	}
	left := b.open()
	if len(open) != 2 || len(left) != 1 {
		t.Fatalf("%d differences before, %d after", len(open), len(left))
	}
	for _, i := range open {
		if i.ID == left[0].ID {
			continue
		}
		s, err := b.st.Show(t.Context(), owner(), i.Name())
		if err != nil || s.Item.Open || s.Item.Why != "no longer found" || s.Item.ClosedBy != access.SystemActor(store.FirstTenant, "reconciliation").String() {
			t.Errorf("the difference is %+v (%v)", s.Item, err)
		}
	}
}

// TestOwningCallsOverAStoreThatFails ends with the error, and later makes the difference.
func TestOwningCallsOverAStoreThatFails(t *testing.T) {
	b := openBank(t)
	b.pay("Q1", 500, true)
	b.notices[0].Amount = kes(700)
	b.receive("paid", "another amount")
	b.unread = errForeign
	b.receive("paid", "unreadable")
	calls := b.whenever("own", func() error { return b.st.OwnCalls(t.Context(), store.FirstTenant) })
	if calls < 15 || len(b.open()) != 2 {
		t.Errorf("owning has %d calls, and left %+v", calls, b.open())
	}
}

// callItem makes a difference of a call that cannot be read.
func (b *bank) callItem(body string) reconcile.Item {
	b.t.Helper()
	known := map[id.ID]bool{}
	for _, i := range b.open() {
		known[i.ID] = true
	}
	b.unread, b.notices = errForeign, nil
	b.receive("validation", body)
	b.own()
	for _, i := range b.open() {
		if !known[i.ID] {
			return i
		}
	}
	b.t.Fatal("there is no difference")
	return reconcile.Item{}
}

// TestTheCallOfADifferenceIsShown to those who decide about payments, as text.
func TestTheCallOfADifferenceIsShown(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "99,00", "D1,00 B1 X NCHG"))
	b.run(20)
	fee := b.open()[0]
	unreadable := b.callItem("amount=\xff5")
	b.pay("Q1", 500, true)
	b.notices[0].Amount = kes(700)
	b.receive("paid", "another amount")
	b.own()
	var contradicts reconcile.Item
	for _, i := range b.open() {
		if i.Kind == reconcile.Contradiction {
			contradicts = i
		}
	}
	b.whenever("show the call", func() error {
		c, err := b.st.ShowCall(t.Context(), owner(), unreadable.Name())
		if err == nil && (c.Item.ID != unreadable.ID || c.What != "validation" || c.From != "192.0.2.7" || c.Body != "amount=\uFFFD5" || c.Why != errForeign.Error()) {
			t.Errorf("the call is %+v", c)
		}
		return err
	})
	c, err := b.st.ShowCall(t.Context(), owner(), contradicts.Name())
	if err != nil || c.What != payment.WhatContradicts || c.From != "" || !strings.Contains(c.Body, "700") || c.Why != "paid 7.00 KES, not 5.00 KES" {
		t.Errorf("what contradicts a payment is %+v (%v)", c, err)
	}
	b.upload(file(21, "105,00", "C5,00 "+unreadable.Key+" AMINA")) // who pays may know the name of a call
	b.run(21)
	names := slices.IndexFunc(b.open(), func(i reconcile.Item) bool { return i.Key == unreadable.Key && i.ID != unreadable.ID })
	viewer := owner()
	viewer.Role = access.Auditor
	for name, c := range map[string]struct {
		by   access.Actor
		item string
	}{
		"no right":           {viewer, unreadable.Name()},
		"no difference":      {owner(), "nothing"},
		"unknown difference": {owner(), id.ID{15: 9}.Text(id.Difference)},
		"no call":            {owner(), fee.Name()},
		"a call's name":      {owner(), b.open()[names].Name()},
	} {
		if got, err := b.st.ShowCall(t.Context(), c.by, c.item); err != nil || !got.Refused() || got.Body != "" {
			t.Errorf("%s: not refused: %+v (%v)", name, got, err)
		}
	}
}

// TestACallIsReadAgain and settles its difference if the program understands it now.
func TestACallIsReadAgain(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "99,00", "D1,00 B1 X NCHG"))
	b.run(20)
	fee := b.open()[0]
	item := b.callItem("Q7")
	b.pay("Q1", 500, true)
	b.notices[0].Amount = kes(700)
	b.receive("paid", "another amount")
	b.own()
	contradicts := slices.IndexFunc(b.open(), func(i reconcile.Item) bool { return i.Kind == reconcile.Contradiction })
	viewer := owner()
	viewer.Role = access.Auditor
	refused := func(name string, by access.Actor, item string) {
		t.Helper()
		if s, err := b.st.ReadAgain(t.Context(), by, item); err != nil || !s.Refused() {
			t.Errorf("%s: not refused: %+v (%v)", name, s.Item, err)
		}
	}
	refused("no right", viewer, item.Name())
	refused("no difference", owner(), "nothing")
	refused("no call", owner(), fee.Name())
	refused("what contradicts a payment is no call to read", owner(), b.open()[contradicts].Name())
	b.unread = errors.New("a key is missing")
	s, err := b.st.ReadAgain(t.Context(), owner(), item.Name())
	if err != nil || s.Refused() || !s.Item.Open || s.Item.Note != "a key is missing" || s.Item.Why != "" {
		t.Errorf("it still cannot be read: %+v %s (%v)", s.Item, s.Detail(), err)
	}
	if left, err := b.st.Show(t.Context(), owner(), item.Name()); err != nil || left.Item.Note != "a key is missing" {
		t.Errorf("stored is %+v (%v)", left.Item, err)
	}
	b.unread, b.notices = nil, []payment.Notice{{Kind: payment.Paid, Txn: "Q7", Amount: kes(300), PaidAt: b.now, Signed: true}}
	calls := b.whenever("read again", func() error {
		s, err := b.st.ReadAgain(t.Context(), owner(), item.Name())
		if err == nil && (s.Refused() || s.Item.Open || s.Item.Note != "" || s.Item.Why != "the call was read again" || !s.Item.ClosedAt.Equal(b.now) || s.Item.ClosedBy != owner().String()) {
			t.Errorf("the difference is %+v %s", s.Item, s.Detail())
		}
		return err
	})
	if calls < 7 {
		t.Errorf("reading again has %d calls", calls)
	}
	if want := "apikey till3|difference.read|" + item.Name() + "||call=" + item.Key + " state=read|"; !slices.Contains(b.audit, want) {
		t.Errorf("the audit log has %q, want %q", b.audit, want)
	}
	refused("settled", owner(), item.Name())
	l, err := b.st.List(t.Context(), owner(), reconcile.Filter{Provider: "bank"}, registry.Page{})
	if err != nil || len(l.Days) != 1 || l.Days[0].Date != "2026-11-20" {
		t.Errorf("today is compared before it is over: %+v (%v)", l.Days, err)
	}
	b.do(func(tx *store.Tx) error {
		p, found, err := tx.Paying().Payments().PaymentNamed("bank", "Q7")
		if !found || p.Amount != kes(300) {
			t.Errorf("the payment of the call is %+v", p)
		}
		return err
	})
}

// TestTheDayOfACallClosesWhenItIsReadAgain if the day is over and the call was its last difference.
func TestTheDayOfACallClosesWhenItIsReadAgain(t *testing.T) {
	b := openBank(t)
	item := b.callItem("Q7")
	b.now = b.now.Add(24 * time.Hour)
	b.upload(file(25, "100,00"))
	if r := b.run(25); r.State != reconcile.Open || r.Unsettled != 1 {
		t.Fatalf("the day is %+v", r)
	}
	b.unread = nil
	b.whenever("read again", func() error {
		_, err := b.st.ReadAgain(t.Context(), owner(), item.Name())
		return err
	})
	if l, err := b.st.List(t.Context(), owner(), reconcile.Filter{Provider: "bank"}, registry.Page{}); err != nil || len(l.Days) != 1 || l.Days[0].State != reconcile.Closed {
		t.Errorf("the days are %+v (%v)", l.Days, err)
	}
}

// TestACallIsSettledWithThePaymentThatItWasAbout if that payment of the same provider was confirmed.
func TestACallIsSettledWithThePaymentThatItWasAbout(t *testing.T) {
	b := openBank(t)
	paid, unproved := b.pay("Q1", 500, true), b.pay("Q2", 200, false)
	other, err := b.payments.AddProvider(t.Context(), signedIn(), payment.NewProvider{Name: "mpesa", Kind: "test", Config: []byte(`{}`), Secrets: []byte(`{}`), Single: 1_000_000, Daily: 1_000_000_000})
	if err != nil || other.Refused() {
		t.Fatal(err, other.Detail())
	}
	var foreign payment.Payment
	b.do(func(tx *store.Tx) error {
		foreign = paid
		foreign.Provider, foreign.Txn = "mpesa", "M1"
		var err error
		if foreign.ID, err = tx.NewID(); err == nil {
			_, err = tx.Paying().Payments().AddPayment(foreign)
		}
		return err
	})
	item := b.callItem("Q9")
	for name, c := range map[string]struct{ payment, want string }{
		"no identity":            {"Q1", "payment-not-found"},
		"an unknown payment":     {id.ID{15: 9}.Text(id.Payment), "payment-not-found"},
		"of another provider":    {foreign.Name(), "payment-not-found"},
		"a payment not received": {unproved.Name(), "difference-payment-unconfirmed"},
	} {
		s, err := b.st.Close(t.Context(), owner(), item.Name(), reconcile.Settlement{Why: "found it", Payment: c.payment})
		if err != nil || string(s.Text) != c.want {
			t.Errorf("%s: %q (%v), want %s", name, s.Text, err, c.want)
		}
	}
	b.whenever("close", func() error {
		s, err := b.st.Close(t.Context(), owner(), item.Name(), reconcile.Settlement{Why: "found it", Payment: paid.Name()})
		if err == nil && (s.Refused() || s.Item.Txn != "Q1" || s.Item.Payment != paid.Name() || s.Item.Paid != 500 || s.Item.Currency != "KES" || s.Item.Open) {
			t.Errorf("the difference is %+v %s", s.Item, s.Detail())
		}
		return err
	})
	if alone, err := b.st.Close(t.Context(), owner(), b.callItem("Q8").Name(), reconcile.Settlement{Why: "no money"}); err != nil || alone.Refused() || alone.Item.Payment != "" {
		t.Errorf("without a payment: %+v %s (%v)", alone.Item, alone.Detail(), err)
	}
}
