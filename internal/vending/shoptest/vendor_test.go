package shoptest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
)

// vendor registers a vendor.
func (s *shop) vendor(n vendor.NewVendor) vendor.Vendor {
	s.t.Helper()
	if n.Name == "" {
		n.Name = "Corner shop"
	}
	got, err := s.Vendors.Add(context.Background(), owner(), n)
	if err != nil || got.Refused() {
		s.t.Fatalf("vendor: %v, %s", err, got.Detail())
	}
	if w := got.Waits; w != nil { // under four eyes
		s.allow(*w)
		maker := w.Maker
		maker.Approval = w.ID
		done, err := s.Executors()[w.Act](context.Background(), maker, w.Body)
		if err != nil || done.Refused() {
			s.t.Fatalf("an allowed vendor: %v, %s", err, done.Detail())
		}
		if got, err = s.Vendors.Show(context.Background(), owner(), done.Object); err != nil || got.Refused() {
			s.t.Fatalf("the vendor: %v, %s", err, got.Detail())
		}
	}
	return got.Vendor
}

// payIn books a deposit under a key that is also its reference.
func (s *shop) payIn(v vendor.Vendor, minor money.Minor, ref string) once.Done[vendor.Deposited] {
	s.t.Helper()
	p := vendor.Paid{Vendor: v.Code, Amount: kes(minor), Reference: ref, Render: func(d vendor.Deposited) (int, []byte) {
		return 201, []byte(d.Journal.Text(id.Journal))
	}}
	p.Once = access.Once{Principal: "key finance", Key: "deposit-" + ref, Hash: sha256.Sum256(fmt.Append(nil, v.Code, minor, ref))}
	p.RenderRefusal = func(r refusal.Refusal) (int, []byte) { return r.Code.Status(), []byte(r.Code) }
	got, err := s.Deposit(context.Background(), owner(), p)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// clerk returns an actor who sells for a vendor.
func clerk(v vendor.Vendor) access.Actor {
	return access.Actor{Tenant: tenant, Kind: access.APIKey, Name: "shop " + v.Code, Role: access.VendorAPI, Vendor: v.ID}
}

func (s *shop) sellAs(by access.Actor, o vending.Purchase) vending.Sold {
	s.t.Helper()
	o.Once.Principal = by.String()
	sold, err := s.Sell(context.Background(), by, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return sold
}

// room returns the headroom of a vendor's account.
func (s *shop) room(v vendor.Vendor) ledger.Headroom {
	s.t.Helper()
	got, err := s.Vendors.Show(context.Background(), owner(), v.Code)
	if err != nil || got.Refused() {
		s.t.Fatalf("vendor %s: %v, %s", v.Code, err, got.Detail())
	}
	return got.Headroom
}

// The test posts P5, P6 and P7 of docs/reference/postings.md.
func TestAVendorSellsFromItsFloatAndEarnsItsCommission(t *testing.T) {
	for _, local := range []bool{true, false} {
		s := open(t, local)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		v := s.vendor(vendor.NewVendor{Commission: 150})
		if sold := s.sellAs(clerk(v), order(m, 10000, "key-number-0")); sold.Code != refusal.InsufficientFloat {
			t.Fatalf("a sale from an empty float: %q, want %s", sold.Code, refusal.InsufficientFloat)
		}
		s.payIn(v, 500000, "slip 1")
		sold := s.sellAs(clerk(v), order(m, 10000, "key-number-1"))
		if sold.Refused() || sold.Sale.ReceiptNo != v.Code+"-000001" || sold.Issued.Len() != 1 {
			t.Fatalf("sale: %s, receipt %q", sold.Detail(), sold.Sale.ReceiptNo)
		}
		want := map[ledger.Code]money.Minor{ledger.Bank: 500000, ledger.Float: -490150, ledger.RevenueEnergy: -8675, ledger.VATPayable: -1301,
			ledger.Carry: -24, ledger.ExpenseCommission: 130, ledger.VATInput: 20}
		got := s.balances()
		for code, amount := range want {
			if got[code] != amount {
				t.Errorf("local %t: account %d holds %d, want %d", local, code, got[code], amount)
			}
		}
		if r := s.room(v); r.Left != 490150 || r.Held != 0 {
			t.Errorf("local %t: the float has %d left and %d held, want 490150 and 0", local, r.Left, r.Held)
		}
		s.audit()
	}
}

func TestAPostpaidVendorOwesUpToItsCredit(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	v := s.vendor(vendor.NewVendor{Billing: vendor.Postpaid, Credit: 15000, Commission: 150})
	if sold := s.sellAs(clerk(v), order(m, 10000, "key-number-1")); sold.Refused() {
		t.Fatal(sold.Detail())
	}
	if got := s.balances()[ledger.VendorReceivable]; got != 9850 {
		t.Errorf("the vendor owes %d, want 9850", got)
	}
	if sold := s.sellAs(clerk(v), order(m, 5200, "key-number-2")); sold.Code != refusal.InsufficientFloat {
		t.Errorf("a sale beyond the credit: %q", sold.Code)
	}
	s.payIn(v, 9850, "transfer 7")
	if sold := s.sellAs(clerk(v), order(m, 15000, "key-number-3")); sold.Refused() {
		t.Errorf("after paying: %s", sold.Detail())
	}
	s.audit()
}

func TestADepositIsBookedOnceWhateverItsCase(t *testing.T) {
	s := open(t, true)
	s.publish("domestic", flat(), monday())
	v := s.vendor(vendor.NewVendor{})
	first := s.payIn(v, 5000, "Slip-ab1")
	if again := s.payIn(v, 5000, "Slip-ab1"); again.Replay == nil || string(again.Replay.Body) != string(first.Reply.Body) {
		t.Errorf("the repeated request got %+v, want the stored answer", again)
	}
	for _, ref := range []string{"SLIP-AB1", "slip-ab1", " Slip-AB1 "} {
		if got := s.payIn(v, 5000, ref); got.Code != refusal.ClientRefReused {
			t.Errorf("reference %q: %q, want %s", ref, got.Code, refusal.ClientRefReused)
		}
	}
	for _, minor := range []money.Minor{0, -5000, money.MaxMinor + 1} {
		if got := s.payIn(v, minor, fmt.Sprintf("odd %d", minor)); got.Code != refusal.AmountInvalid {
			t.Errorf("a deposit of %d: %q, want %s", minor, got.Code, refusal.AmountInvalid)
		}
	}
	if r := s.room(v); r.Left != 5000 {
		t.Errorf("the float has %d, want 5000", r.Left)
	}
}

func TestAVendorSeesOnlyItsOwn(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	a, b := s.vendor(vendor.NewVendor{Code: "ann"}), s.vendor(vendor.NewVendor{})
	s.payIn(a, 20000, "1")
	s.clock.add(time.Second) // a statement is ordered by time
	sold := s.sellAs(clerk(a), order(m, 10000, "key-number-1"))
	unbound := access.Actor{Tenant: tenant, Kind: access.APIKey, Name: "kiosk", Role: access.VendorAPI}
	for by, want := range map[*access.Actor]bool{ptr(clerk(a)): true, ptr(clerk(b)): false, ptr(owner()): true, &unbound: false} {
		for _, name := range []string{sold.Sale.ID.Text(id.Vend), sold.Sale.ReceiptNo} {
			shown, err := s.Sale(context.Background(), *by, name)
			if err != nil || shown.Refused() == want || want && shown.Sale.ID != sold.Sale.ID {
				t.Errorf("%s sees the sale %s: %t, want %t, %v", by, name, !shown.Refused(), want, err)
			}
			if missing := "ann-999999"; !want && by.May(access.ReadVends) {
				none, err := s.Sale(context.Background(), *by, missing)
				if err != nil || strings.ReplaceAll(none.Detail(), missing, name) != shown.Detail() || none.Code != shown.Code {
					t.Errorf("%s is told %q of a sale of another vendor, and %q of none", by, shown.Detail(), none.Detail())
				}
			}
		}
		vendor, err := s.Vendors.Show(context.Background(), *by, "ANN")
		if err != nil || vendor.Refused() == want {
			t.Errorf("%s sees the vendor: %t, want %t", by, !vendor.Refused(), want)
		}
		st, err := s.Vendors.Statement(context.Background(), *by, a.ID.Text(id.Vendor), registry.Page{})
		if err != nil || st.Refused() == want {
			t.Errorf("%s sees the statement: %t, want %t", by, !st.Refused(), want)
		}
		if want && (len(st.Lines) != 2 || st.Lines[0].Balance != -10000 || st.Lines[0].Amount != 10000 || st.Lines[1].Balance != -20000) {
			t.Errorf("statement %+v", st.Lines)
		}
	}
	s.payIn(a, 500, "BANK-9")
	for limit, want := range map[int]int{1: 1, 2: 2, 3: 3, 4: 3} {
		st, err := s.Vendors.Statement(context.Background(), owner(), "ANN", registry.Page{Limit: limit})
		if err != nil || len(st.Lines) != want || (st.Next != "") != (limit < 3) {
			t.Errorf("a page of %d: %d lines, next %q, %v", limit, len(st.Lines), st.Next, err)
		}
		if st.Next == "" {
			continue
		}
		rest, err := s.Vendors.Statement(context.Background(), owner(), "ANN", registry.Page{Cursor: st.Next})
		if err != nil || len(rest.Lines) != 3-want || rest.Next != "" || rest.Lines[len(rest.Lines)-1].Balance != -20000 {
			t.Errorf("after a page of %d: %+v, %v", limit, rest.Lines, err)
		}
	}
	if l, err := s.Vendors.List(context.Background(), clerk(a), registry.Page{}); err != nil || l.Code != refusal.Forbidden {
		t.Errorf("a vendor lists vendors: %q %v", l.Code, err)
	}
	l, err := s.Vendors.List(context.Background(), owner(), registry.Page{Limit: 1})
	if err != nil || len(l.Vendors) != 1 || l.Next == "" {
		t.Fatalf("first page: %d vendors, next %q, %v", len(l.Vendors), l.Next, err)
	}
	if l, err = s.Vendors.List(context.Background(), owner(), registry.Page{Limit: 1, Cursor: l.Next}); err != nil || len(l.Vendors) != 1 || l.Next != "" {
		t.Errorf("second page: %d vendors, next %q, %v", len(l.Vendors), l.Next, err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestAFloatNeverPassesItsLimitHoweverManySell(t *testing.T) {
	tier.Concurrent(t)
	for _, local := range []bool{true, false} {
		s := openWith(t, local, false)
		s.issuer.local = local
		domestic := s.publish("domestic", flat(), monday())
		v := s.vendor(vendor.NewVendor{Commission: 1000, Credit: 1000})
		s.payIn(v, 40000, "1")
		meters := make([]string, 8)
		for i := range meters {
			meters[i] = s.meter(i+1, place{tariff: domestic})
		}
		var sales atomic.Int64
		var wg sync.WaitGroup
		for i, m := range meters {
			wg.Go(func() {
				by := clerk(v)
				o := order(m, 10000, fmt.Sprintf("key-number-%d", i))
				o.Once.Principal = by.String()
				sold, err := s.Sell(context.Background(), by, o)
				if err != nil || sold.Refused() && sold.Code != refusal.InsufficientFloat {
					t.Errorf("sale %d: %v %s", i, err, sold.Detail())
				}
				if !sold.Refused() {
					sales.Add(1)
				}
			})
		}
		wg.Wait()
		// The vendor has 41,000 in all. Every sale gives 1,000 back, so the fifth sale has 41,000 − 36,000 = 5,000 left and is refused.
		if n := sales.Load(); n != 4 {
			t.Errorf("local %t: %d sales, want 4", local, n)
		}
		if r := s.room(v); r.Left != 5000 || r.Held != 0 {
			t.Errorf("local %t: %d left, %d held, want 5000 and 0", local, r.Left, r.Held)
		}
		s.audit()
	}
}

func TestAnOpenSaleHoldsTheFloatAndAFailedOneGivesItBack(t *testing.T) {
	s := open(t, false)
	domestic := s.publish("domestic", flat(), monday())
	m, other := s.meter(1, place{tariff: domestic}), s.meter(2, place{tariff: domestic})
	v := s.vendor(vendor.NewVendor{})
	s.payIn(v, 15000, "1")
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	if sold := s.sellAs(clerk(v), order(m, 10000, "key-number-1")); sold.Code != refusal.IssuerUnknown {
		t.Fatalf("%q", sold.Code)
	}
	if r := s.room(v); r.Held != 10000 || r.Left != 5000 {
		t.Errorf("while the issuer does not know: %d held, %d left, want 10000 and 5000", r.Held, r.Left)
	}
	if sold := s.sellAs(clerk(v), order(other, 10000, "key-number-2")); sold.Code != refusal.InsufficientFloat {
		t.Errorf("what is held was sold again: %q", sold.Code)
	}
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Declined}, nil
	}
	if sold := s.sellAs(clerk(v), order(m, 10000, "key-number-1")); sold.Code != refusal.IssuerRefused {
		t.Errorf("the refused sale: %q", sold.Code)
	}
	if r := s.room(v); r.Held != 0 || r.Left != 15000 {
		t.Errorf("after the refusal: %d held, %d left, want 0 and 15000", r.Held, r.Left)
	}
}

func TestAHoldThatExpiredIsMadeGoodOrTheSaleFails(t *testing.T) {
	for _, spent := range []bool{false, true} {
		s := open(t, false)
		domestic := s.publish("domestic", flat(), monday())
		m, other := s.meter(1, place{tariff: domestic}), s.meter(2, place{tariff: domestic})
		v := s.vendor(vendor.NewVendor{})
		s.payIn(v, 10000, "1")
		s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
		s.sellAs(clerk(v), order(m, 10000, "key-number-1"))
		s.clock.add(vendor.HoldLife)
		s.do(func(tx *storeTx) error { _, err := tx.HoldExpire(10); return err })
		s.issuer.say = nil
		want := refusal.Code("")
		if spent {
			want = refusal.InsufficientFloat
			if sold := s.sellAs(clerk(v), order(other, 10000, "key-number-2")); sold.Refused() {
				t.Fatal(sold.Detail())
			}
		}
		sold := s.sellAs(clerk(v), order(m, 10000, "key-number-1"))
		if sold.Code != want || sold.Issued.Len() != 0 && spent {
			t.Errorf("spent %t: %q with %d tokens, want %q", spent, sold.Code, sold.Issued.Len(), want)
		}
		if r := s.room(v); r.Left != 0 || r.Held != 0 {
			t.Errorf("spent %t: %d left, %d held, want nothing", spent, r.Left, r.Held)
		}
		s.audit()
	}
}

// A lowered limit takes nothing back. A vendor beyond the limit can still reverse its sales, including the commission. A sale that had
// already reserved its money still gets its token.
func TestALoweredCreditStopsNewSalesOnly(t *testing.T) {
	for _, billing := range []vendor.Billing{vendor.PrepaidFloat, vendor.Postpaid} {
		s := open(t, false)
		domestic := s.publish("domestic", flat(), monday())
		m, other := s.meter(1, place{tariff: domestic}), s.meter(2, place{tariff: domestic})
		v := s.vendor(vendor.NewVendor{Billing: billing, Credit: 50000, Commission: 150})
		sold := s.sellAs(clerk(v), order(m, 20000, "key-number-1"))
		s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
		if held := s.sellAs(clerk(v), order(other, 10000, "key-number-2")); held.Code != refusal.IssuerUnknown {
			t.Fatalf("%s: the sale that waits: %q", billing, held.Code)
		}
		if _, err := s.SetTerms(context.Background(), owner(), v.Code, vendor.Terms{Credit: ptr(money.Minor(0))}); err != nil {
			t.Fatal(err)
		}
		s.reversed(owner(), sold.Sale, "wrong meter")
		if r := s.room(v); r.Held != 10000 || r.Left != -10000 {
			t.Errorf("%s: after the reversal %d held, %d left, want 10000 and -10000", billing, r.Held, r.Left)
		}
		s.issuer.say = nil
		if got := s.sellAs(clerk(v), order(other, 10000, "key-number-2")); got.Refused() || got.Issued.Len() != 1 {
			t.Errorf("%s: the sale that had reserved its money: %q with %d tokens", billing, got.Code, got.Issued.Len())
		}
		if r := s.room(v); r.Held != 0 || r.Left != -9850 {
			t.Errorf("%s: in the end %d held, %d left, want 0 and -9850", billing, r.Held, r.Left)
		}
		if got := s.sellAs(clerk(v), order(m, 1000, "key-number-3")); got.Code != refusal.InsufficientFloat {
			t.Errorf("%s: a new sale beyond the limit: %q", billing, got.Code)
		}
		s.audit()
	}
}

func TestTermsAreCheckedAndKept(t *testing.T) {
	s := open(t, true)
	s.publish("domestic", flat(), monday())
	for _, n := range []vendor.NewVendor{{}, {Name: "a", Code: "A-1"}, {Name: "a", Code: "main"}, {Name: "a", Commission: 10001}, {Name: "a", Commission: 1001},
		{Name: "a", Commission: -1}, {Name: "a", Credit: -1}, {Name: "a", Billing: "barter"}} {
		if got, err := s.Vendors.Add(context.Background(), owner(), n); err != nil || !got.Refused() {
			t.Errorf("%+v was taken on (%v)", n, err)
		}
	}
	v := s.vendor(vendor.NewVendor{Code: "x1"})
	if got, err := s.Vendors.Add(context.Background(), owner(), vendor.NewVendor{Name: "b", Code: "X1"}); err != nil || got.Code != refusal.VendorExists {
		t.Errorf("a second X1: %q %v", got.Code, err)
	}
	got, err := s.SetTerms(context.Background(), owner(), "x1", vendor.Terms{Credit: ptr(money.Minor(700)), Blocked: ptr(true)})
	if err != nil || got.Headroom.Left != 700 || !got.Vendor.Blocked || got.Vendor.Name != v.Name {
		t.Errorf("terms: %+v %v", got, err)
	}
	m := s.meter(1, place{tariff: s.publish("other", flat(), monday())})
	if sold := s.sellAs(clerk(v), order(m, 500, "key-number-1")); sold.Code != refusal.VendorBlocked {
		t.Errorf("a blocked vendor sells: %q", sold.Code)
	}
	if n := s.number(`SELECT COUNT(*) FROM audit WHERE action LIKE 'vendor.%' AND single_person = 1`); n != 2 {
		t.Errorf("%d rows say that one person took a vendor on or changed its terms, want 2", n)
	}
}
