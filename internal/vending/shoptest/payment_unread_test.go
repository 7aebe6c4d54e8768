package shoptest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// newWording is a text that the provider signs but the adapter does not understand before its upgrade.
const newWording = "confirmed, 500.00 for meter "

// upgraded is an adapter that understands the new wording.
type upgraded struct {
	payment.Adapter
	s *payShop
}

func (u upgraded) Read(in payment.Incoming) ([]payment.Notice, error) {
	if meter, is := strings.CutPrefix(string(in.Body), newWording); is && u.s.newer {
		in.Body = []byte(paidBody("NEW1", 50_000, "KES", meter))
	}
	return u.Adapter.Read(in)
}

// unread lists the open differences about calls that could not be read, of all pages.
func (s *payShop) unread(st *reconcile.Statements) (out []reconcile.Item) {
	s.t.Helper()
	_, err := st.RunDue(s.t.Context(), tenant)
	if err = errors.Join(err, st.OwnCalls(s.t.Context(), tenant)); err != nil {
		s.t.Fatal(err)
	}
	for page := (registry.Page{Limit: 10}); ; {
		l, err := st.Items(s.t.Context(), owner(), reconcile.Filter{Kind: reconcile.UnreadCall, Open: true}, page)
		if err != nil || l.Refused() {
			s.t.Fatal(err, l.Detail())
		}
		if out = append(out, l.Items...); l.Next == "" {
			break
		}
		page.Cursor = l.Next
	}
	s.do(func(tx *store.Tx) error {
		b, err := tx.PaymentBacklog(s.clock.Now())
		if err != nil {
			return err
		}
		if b.Unreadable != len(out) {
			s.t.Errorf("the alarm counts %d calls that could not be read, %d differences are open", b.Unreadable, len(out))
		}
		return nil
	})
	return out
}

// TestACallThatCannotBeReadHasAnOwner: each is one difference, however many there are and however old they grow, until it is read or settled. Reading
// it again after an upgrade makes its payment once.
func TestACallThatCannotBeReadHasAnOwner(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	for i := range 23 {
		s.send(fmt.Sprint("no JSON ", i))
	}
	s.send(newWording + meter)
	s.work()
	open := s.unread(st)
	s.clock.add(40 * 24 * time.Hour)
	if again := s.unread(st); len(open) != 24 || len(again) != 24 || open[0].Owner != "accountant" || open[0].Kind.Act() != reconcile.ReadCall || open[0].Note == "" {
		t.Fatalf("%d, later %d open differences: %+v", len(open), len(again), open[0])
	}
	bought := open[slices.IndexFunc(open, func(i reconcile.Item) bool {
		c, err := st.ShowCall(t.Context(), owner(), i.Name())
		return err == nil && c.Body == newWording+meter && c.Why != ""
	})]
	if a, err := st.Assign(t.Context(), owner(), bought.Name(), "Amina"); err != nil || a.Refused() || a.Item.Owner != "Amina" {
		t.Error(err, a.Detail())
	}
	for _, newer := range []bool{false, true} {
		s.newer = newer
		r, err := st.ReadAgain(t.Context(), owner(), bought.Name())
		if err != nil || r.Refused() || r.Item.Open == newer || r.Item.Owner != "Amina" {
			t.Errorf("read again, newer program %t: %+v %v %s", newer, r.Item, err, r.Detail())
		}
		s.work()
	}
	if r, err := st.ReadAgain(t.Context(), owner(), bought.Name()); err != nil || !r.Refused() {
		t.Errorf("a settled call was read again: %v", err)
	}
	s.send(newWording + meter) // the provider repeats it
	s.work()
	if p := s.is(payment.Applied, payment.NoReason); p.Txn != "NEW1" || s.sales() != 1 {
		t.Errorf("payment %+v, %d sales", p, s.sales())
	}
	if left := s.unread(st); len(left) != 23 {
		t.Errorf("%d differences are open, want 23", len(left))
	}
}

// TestACallThatTheProviderRepeatsInTimeSettlesItself: nobody needs to look at a call that was read after all.
func TestACallThatTheProviderRepeatsInTimeSettlesItself(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.send(newWording + meter)
	s.work()
	if open := s.unread(st); len(open) != 1 {
		t.Fatalf("%d differences", len(open))
	}
	s.newer = true
	s.send(newWording + meter)
	s.work()
	if open := s.unread(st); len(open) != 0 || s.sales() != 1 {
		t.Errorf("%d differences, %d sales", len(open), s.sales())
	}
}

// TestACallIsSettledByTwoPeople: settling one can hide that a payment was in it, so a second person agrees. The payment that it names must be
// confirmed. Once settled, the call stays settled, and a statement still finds the payment if there was one.
func TestACallIsSettledByTwoPeople(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.send(newWording + meter)
	s.paid("TX1", 50_000, meter)
	s.paid("TX2", 5_000_000, meter) // above the ceiling, so not confirmed
	s.work()
	s.provider("other")
	if up, err := st.Upload(t.Context(), owner(), "other", mpesaStatement(s.clock.Now(), statedRow{"TX3", meter, 50_000}), ""); err != nil || up.Refused() {
		t.Fatal(err, up.Detail())
	}
	s.work()
	names := map[string]string{}
	l, err := s.Payments.List(t.Context(), owner(), payment.Filter{}, registry.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range l.Payments {
		names[v.Payment.Txn] = v.Payment.Name()
	}
	item := s.unread(st)[0]
	s.clock.add(48 * time.Hour) // the day is compared
	s.fourEyes()
	for _, wrong := range []string{names["TX2"], names["TX3"], "pay_x", item.Key, id.ID{1}.Text(id.Payment)} {
		if c, err := st.Close(t.Context(), owner(), item.Name(), reconcile.Settlement{Why: "seen", Payment: wrong}); err != nil || !c.Refused() {
			t.Errorf("settled with payment %q: %v %+v", wrong, err, c)
		}
	}
	c, err := st.Close(t.Context(), owner(), item.Name(), reconcile.Settlement{Why: "the statement has it", Payment: names["TX1"]})
	if err != nil || c.Refused() || c.Waits == nil || !strings.Contains(c.Waits.Summary, "unreadable-call TX1") {
		t.Fatalf("settled alone: %v %s %+v", err, c.Detail(), c.Waits)
	}
	if len(s.unread(st)) != 1 {
		t.Error("the call is settled before the second person agreed")
	}
	agree := func(w access.Approval) {
		t.Helper()
		s.allow(w)
		maker := w.Maker
		maker.Approval = w.ID
		if agreed, err := st.Executors()[w.Act](t.Context(), maker, w.Body); err != nil || agreed.Refused() {
			t.Fatal(agreed.Detail(), err)
		}
		s.work()
	}
	agree(*c.Waits)
	s.send(newWording + meter)
	s.work()
	if open := s.unread(st); len(open) != 0 {
		t.Errorf("a settled call is open again: %+v", open)
	}
	up, err := st.Upload(t.Context(), owner(), "bank", mpesaStatement(s.clock.Now(), statedRow{"NEW1", meter, 50_000}), "")
	if err != nil || up.Waits == nil {
		t.Fatal(err, up.Detail())
	}
	agree(*up.Waits)
	if states := s.states(); states["NEW1"] != "applied  statement" {
		t.Errorf("the statement does not show the payment of a settled call: %v", states)
	}
	if v, err := st.Show(t.Context(), owner(), item.Name()); err != nil || v.Item.Open || v.Item.Payment != names["TX1"] || v.Item.Why != "the statement has it" {
		t.Errorf("settled: %+v %v", v.Item, err)
	}
	s.verified()
}
