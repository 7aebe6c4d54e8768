package vendor_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vendor"
)

// TestALifeOfVendors registers vendors, which pay in, sell and earn, and changes their terms. It compares the results with
// testdata/life.txt. The result is the same if every statement and every new id of every transaction fails once before it
// succeeds, and no failure goes unnoticed.
func TestALifeOfVendors(t *testing.T) {
	for name, every := range map[string]bool{"on a store that works": false, "on a store that fails": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, every)
			float, postpaid := w.takesOn()
			w.paysIn(float, postpaid)
			w.sells(float, postpaid)
			w.changes(float)
			w.forTwo(float)
			w.shows(float)
			w.Step("the books", w.books(), nil)
			w.Step("the audit log", w.audit(), nil)
			w.Compare(t, "testdata/life.txt", *update && !every)
		})
	}
}

// takesOn registers vendors: codes are assigned or chosen, and a chosen code is not assigned again.
func (w *world) takesOn() (float, postpaid vendor.Vendor) {
	for _, n := range []vendor.NewVendor{
		{Name: " Corner shop ", Commission: 150, Credit: 1000},
		{Name: "Chain", Code: " v002 ", Billing: vendor.Postpaid, Credit: 15000, Commission: 1000},
		{Name: "Kiosk"},
	} {
		got, err := w.Add(w.t.Context(), owner(), n)
		w.step("takes on "+n.Name, got, err)
		switch n.Name {
		case "Chain":
			postpaid = got.Vendor
		case "Kiosk":
		default:
			float = got.Vendor
		}
	}
	return float, postpaid
}

// paid is a deposit whose key is its reference.
func paid(v string, minor money.Minor, ref string) vendor.Paid {
	p := vendor.Paid{Vendor: v, Amount: kes(minor), Reference: ref, Render: func(d vendor.Deposited) (int, []byte) { return 201, fmt.Append(nil, d.Amount) },
		RenderWaits: func(access.Approval) (int, []byte) { return 202, []byte("waits") }}
	p.Request = once.Request{Once: access.Once{Principal: "key finance", Key: "deposit-" + ref, Hash: sha256.Sum256([]byte(ref))}}
	return p
}

// paysIn books deposits: a payment is booked once, whatever the letter case of its reference.
func (w *world) paysIn(float, postpaid vendor.Vendor) {
	second := paid(float.ID.Text(id.Vendor), 700, "slip 1")
	second.Bank, second.Once.Key = " Second ", "deposit-other"
	for _, p := range []vendor.Paid{paid("v001", 50000, " Slip 1 "), paid("v001", 50000, " Slip 1 "), paid("V001", 50000, "SLIP 1"), second} {
		got, err := w.Deposit(w.t.Context(), owner(), p)
		w.step(fmt.Sprintf("pays in under %q into %q", p.Reference, p.Bank), got, err)
	}
	bare := paid("V002", 10, "slip 3")
	bare.RenderWaits, bare.Request = nil, once.Request{}
	got, err := w.Deposit(w.t.Context(), owner(), bare)
	w.step("a postpaid vendor pays", got, err)
	_ = postpaid
}

// sells makes sales from a float and on credit: with a hold that is posted, with a hold that has expired, and without a hold.
func (w *world) sells(float, postpaid vendor.Vendor) {
	o, err := w.selling(owner(), 10000)
	w.step("the utility sells", o, err)
	for _, tender := range []money.Minor{0, 51700, 51701} {
		o, err = w.selling(clerk(float), tender)
		w.step(fmt.Sprintf("a sale of %d from the float", tender), o, err)
	}
	for _, tender := range []money.Minor{15010, 15011} {
		o, err = w.selling(clerk(postpaid), tender)
		w.step(fmt.Sprintf("a sale of %d on credit", tender), o, err)
	}
	for _, c := range []struct {
		what string
		v    vendor.Vendor
		s    [2]money.Minor // tender and commission
		code ledger.Code
	}{{"the utility", vendor.Vendor{}, [2]money.Minor{100, 0}, 0}, {"the float", float, [2]money.Minor{10000, 150}, ledger.Float},
		{"the credit", postpaid, [2]money.Minor{5000, 500}, ledger.VendorReceivable}, {"the float, for nothing", float, [2]money.Minor{0, 0}, ledger.Float},
		{"more than the float", float, [2]money.Minor{41851, 0}, ledger.Float}} {
		s := w.sold(c.v, c.s[0], c.s[1], c.code)
		o, err := w.reserve(&s)
		w.step("reserves: "+c.what, o, err)
		if o.Refused() || c.s[0] == 0 {
			continue
		}
		o, err = w.book(s)
		w.step("books: "+c.what, o, err)
		w.room(c.v)
	}
	w.expires(float)
}

// room prints what a vendor has left.
func (w *world) room(v vendor.Vendor) {
	if v.ID.IsZero() {
		return
	}
	got, err := w.Show(w.t.Context(), owner(), v.Code)
	w.step("what it has left", got.Headroom, err)
}

// expires books sales whose hold has expired: the remaining float covers the sale, or the sale fails.
func (w *world) expires(float vendor.Vendor) {
	for _, left := range []money.Minor{1850, 1849} {
		s := w.sold(float, 20000, 0, ledger.Float)
		o, err := w.reserve(&s)
		w.step("reserves", o, err)
		w.now = w.now.Add(vendor.HoldLife - time.Second)
		w.exec(func(tx *store.Tx) error {
			_, err := tx.HoldExpire(10)
			return err
		})
		if left == 1849 { // the money is gone before the sale is booked
			other := w.sold(float, 1851, 0, ledger.Float)
			o, err = w.book(other)
			w.step("another sale", o, err)
		}
		o, err = w.book(s)
		w.step("books after its hold has expired", o, err)
		w.room(float)
	}
}

// changes calls SetTerms: only the terms that a call names are changed.
func (w *world) changes(float vendor.Vendor) {
	for _, c := range []struct {
		what  string
		terms vendor.Terms
	}{
		{"nothing", vendor.Terms{}},
		{"name", vendor.Terms{Name: ptr(" Corner shop & sons ")}},
		{"commission", vendor.Terms{Commission: ptr(money.Bps(200))}},
		{"credit", vendor.Terms{Credit: ptr(money.Minor(0))}},
		{"blocked", vendor.Terms{Blocked: ptr(true)}},
	} {
		got, err := w.SetTerms(w.t.Context(), owner(), float.Code, c.terms)
		w.step("changes "+c.what, got, err)
	}
	o, err := w.selling(clerk(float), 1)
	w.step("a vendor that is blocked sells", o, err)
	o, err = w.selling(clerk(vendor.Vendor{ID: id.ID{9}, Code: "V999"}), 1)
	w.step("a vendor that is none sells", o, err)
	got, err := w.SetTerms(w.t.Context(), owner(), float.ID.Text(id.Vendor), vendor.Terms{Blocked: ptr(false), Credit: ptr(money.Minor(500))})
	w.step("sells again", got, err)
}

// forTwo requests actions that need a second person: each waits, and is then carried out as approved. Only blocking a vendor needs no
// second person.
func (w *world) forTwo(float vendor.Vendor) {
	w.fourEyes(true)
	for _, n := range []vendor.NewVendor{{Name: "Market", Credit: 5, Commission: 70}, {Name: "Bazaar", Code: "B1"}} {
		asked, err := w.Add(w.t.Context(), owner(), n)
		w.step("a vendor for two", asked, err)
		done, err := w.allowed(asked.Waits)
		w.step("a vendor, allowed", done, err)
	}
	terms := vendor.Terms{Name: ptr("Corner"), Commission: ptr(money.Bps(300)), Credit: ptr(money.Minor(900)), Blocked: ptr(true)}
	asked, err := w.SetTerms(w.t.Context(), owner(), float.Code, terms)
	w.step("terms for two", asked, err)
	done, err := w.allowed(asked.Waits)
	w.step("terms, allowed", done, err)
	asked, err = w.SetTerms(w.t.Context(), owner(), "V002", vendor.Terms{})
	w.step("terms that change nothing", asked, err)
	asked, err = w.SetTerms(w.t.Context(), owner(), "V002", vendor.Terms{Blocked: ptr(true)})
	w.step("blocked by one person", asked, err)
	in, err := w.Deposit(w.t.Context(), owner(), paid(float.Code, 4000, "slip 9"))
	w.step("a deposit for two", in, err)
	done, err = w.allowed(in.Value.Waits)
	w.step("a deposit, allowed", done, err)
	done, err = w.Executors()[access.ActDeposit](w.t.Context(), in.Value.Waits.Maker, []byte(`{"vendor":"V001","amount_minor":0,"currency":"KES","reference":"x"}`))
	w.step("a deposit of nothing, allowed", done, err)
	w.fourEyes(false)
}

// shows prints lists and statements, page by page.
func (w *world) shows(float vendor.Vendor) {
	page := registry.Page{Limit: 3}
	for {
		l, err := w.List(w.t.Context(), owner(), page)
		page.Cursor, l.Next = l.Next, fmt.Sprint(l.Next != "")
		w.Step("the list", l, err)
		if page.Cursor == "" || err != nil || l.Refused() {
			break
		}
	}
	page = registry.Page{Limit: 3}
	for {
		s, err := w.Statement(w.t.Context(), clerk(float), "v001", page)
		page.Cursor, s.Next = s.Next, fmt.Sprint(s.Next != "")
		w.Step("a statement", s, err)
		if page.Cursor == "" || err != nil || s.Refused() {
			break
		}
	}
}

// TestWhatAVendorCannotBeIsRefused compares with testdata/refused.txt: for each limit the last allowed value, the first
// refused value, and the text of the refusal.
func TestWhatAVendorCannotBeIsRefused(t *testing.T) {
	w := newWorld(t, false)
	v, other := w.taken(vendor.NewVendor{Name: "Corner shop", Code: "X1"}), w.taken(vendor.NewVendor{Name: "Kiosk", Code: "X2"})
	long := func(n int) string { return strings.Repeat("X", n) }
	say := func(what string, no refusal.Refusal, err error) {
		if err == nil && !no.Refused() {
			w.Step(what, "done", nil)
			return
		}
		w.Step(what, no, err)
	}
	for _, n := range []vendor.NewVendor{{}, {Name: long(100), Code: "A"}, {Name: long(101)}, {Name: "a\x1fb"}, {Name: "a b~", Code: "AZ09"}, {Name: "a\x7fb"}, {Name: "a", Code: "A-1"},
		{Name: "a", Code: "A@"}, {Name: "a", Code: "A["}, {Name: "a", Code: "A/"}, {Name: "a", Code: "A:"}, {Name: "a", Code: long(12)}, {Name: "a", Code: long(13)},
		{Name: "a", Code: "main"}, {Name: "a", Code: "x1"}, {Name: "a", Billing: "barter"}, {Name: "a", Commission: -1}, {Name: "a", Commission: 1000},
		{Name: "a", Commission: 1001}, {Name: "a", Commission: money.Whole}, {Name: "a", Commission: money.Whole + 1}, {Name: "a", Credit: -1}, {Name: "a", Credit: money.MaxMinor}, {Name: "a", Credit: money.MaxMinor + 1}} {
		got, err := w.Add(t.Context(), owner(), n)
		say(fmt.Sprintf("takes on %q %q %s %d %d", n.Code, n.Name, n.Billing, n.Commission, n.Credit), got.Refusal, err)
	}
	for _, p := range []vendor.Paid{{Vendor: "X9", Reference: "1", Amount: kes(1)}, {Vendor: (id.ID{9}).Text(id.Vendor), Reference: "1", Amount: kes(1)}, {Reference: " "},
		{Reference: long(64), Amount: kes(1)}, {Reference: long(65), Amount: kes(1)}, {Reference: "a\tb", Amount: kes(1)}, {Reference: "2", Bank: long(64), Amount: kes(1)},
		{Reference: "3", Bank: long(65), Amount: kes(1)}, {Reference: "3", Bank: "a\tb", Amount: kes(1)}, {Reference: "4", Amount: kes(0)}, {Reference: "4", Amount: kes(-1)},
		{Reference: "4", Amount: kes(money.MaxMinor + 1)}, {Reference: "4", Amount: money.Amount{Minor: 1, Currency: "ZAR"}}, {Reference: "4", Amount: kes(1)}, {Reference: "4", Amount: kes(2)}} {
		if p.Vendor == "" {
			p.Vendor = v.Code
		}
		got, err := w.Deposit(t.Context(), owner(), p)
		say(fmt.Sprintf("pays in %q %q %q %s", p.Vendor, p.Reference, p.Bank, p.Amount), got.Refusal, err)
	}
	for _, c := range []vendor.Terms{{Name: ptr(" ")}, {Commission: ptr(money.Bps(1001))}, {Credit: ptr(money.Minor(-1))}} {
		got, err := w.SetTerms(t.Context(), owner(), "X1", c)
		say("changes terms", got.Refusal, err)
	}
	got, err := w.SetTerms(t.Context(), owner(), "X9", vendor.Terms{})
	say("changes the terms of nobody", got.Refusal, err)
	w.exec(func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE vendor SET commission_bps = 5000 WHERE code = 'X1'`)
		return err
	})
	got, err = w.SetTerms(t.Context(), owner(), "X1", vendor.Terms{Credit: ptr(money.Minor(7))})
	say("keeps a commission of before, above the ceiling", got.Refusal, err)
	looks(t, w, v, other, say)
	w.Step("the books", w.books(), nil)
	w.Compare(t, "testdata/refused.txt", *update)
}

// looks checks that a vendor sees itself and no other vendor.
func looks(t *testing.T, w *world, v, other vendor.Vendor, say func(string, refusal.Refusal, error)) {
	lost := registry.Page{Cursor: registry.Cursor(w.data, store.FirstTenant, "meters", id.ID{1})}
	seller := access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "kiosk", Role: access.Operator}
	for _, by := range []access.Actor{owner(), clerk(v), clerk(other), seller} {
		for _, name := range []string{"X1", "X9"} {
			shown, err := w.Show(t.Context(), by, name)
			say(fmt.Sprintf("%s looks at %s", by, name), shown.Refusal, err)
			st, err := w.Statement(t.Context(), by, name, registry.Page{})
			say(fmt.Sprintf("%s looks at the statement of %s", by, name), st.Refusal, err)
		}
	}
	st, err := w.Statement(t.Context(), owner(), "X1", lost)
	say("a statement with the cursor of another list", st.Refusal, err)
	l, err := w.List(t.Context(), owner(), lost)
	say("the list with the cursor of another list", l.Refusal, err)
}

// TestOnlyBlockingCannotWait: blocking a vendor never waits for a second person. Any other change of terms waits while four eyes are on.
func TestOnlyBlockingCannotWait(t *testing.T) {
	w := newWorld(t, false)
	v := w.taken(vendor.NewVendor{Name: "Corner shop", Code: "X1"})
	w.fourEyes(true)
	yes, no, name, credit := ptr(true), ptr(false), ptr("x"), ptr(money.Minor(0))
	for _, c := range []struct {
		what  string
		terms vendor.Terms
		waits bool
	}{
		{"blocked", vendor.Terms{Blocked: yes}, false},
		{"nothing", vendor.Terms{}, true},
		{"unblocked", vendor.Terms{Blocked: no}, true},
		{"blocked, and the credit", vendor.Terms{Blocked: yes, Credit: credit}, true},
		{"blocked, and the name", vendor.Terms{Blocked: yes, Name: name}, true},
		{"blocked, and the commission", vendor.Terms{Blocked: yes, Commission: ptr(money.Bps(0))}, true},
		{"the name", vendor.Terms{Name: name}, true},
	} {
		got, err := w.SetTerms(t.Context(), owner(), v.Code, c.terms)
		if err != nil || got.Refused() || (got.Waits != nil) != c.waits {
			t.Errorf("%s: it waits for %v (%v %s), want that it waits: %t", c.what, got.Waits, err, got.Detail(), c.waits)
		}
	}
}

// TestATenantWithoutACurrencyTakesNoDeposit: an amount has a meaning only if the tenant has a currency.
func TestATenantWithoutACurrencyTakesNoDeposit(t *testing.T) {
	w := newWorld(t, false)
	w.taken(vendor.NewVendor{Name: "Corner shop", Code: "X1"})
	w.exec(func(tx *store.Tx) error { _, err := tx.C.Exec(`UPDATE tenant SET currency = ''`); return err })
	out, err := w.Deposit(t.Context(), owner(), vendor.Paid{Vendor: "X1", Reference: "1", Amount: kes(1)})
	if want := "The utility has no currency yet. No entry was booked. Set it with paywatt utility set --currency, or publish a tariff, which sets it too."; err != nil || out.Code != refusal.TariffMissing || out.Detail() != want {
		t.Errorf("%q %q %v, want %q", out.Code, out.Detail(), err, want)
	}
}

// broken is a door that always fails.
type broken struct{ err error }

func (b broken) Do(context.Context, access.Tenant, func(vendor.Tx) (bool, error)) error { return b.err }
func (b broken) View(context.Context, access.Tenant, func(vendor.Tx) error) error       { return b.err }

// uses are all use cases, each with its error's text.
func uses(ctx context.Context, vs *vendor.Vendors, by access.Actor) map[string]func() (refusal.Refusal, error) {
	return map[string]func() (refusal.Refusal, error){
		"add vendor Shop": func() (refusal.Refusal, error) {
			r, err := vs.Add(ctx, by, vendor.NewVendor{Name: "Shop"})
			return r.Refusal, err
		},
		"change the terms of vendor V001": func() (refusal.Refusal, error) {
			r, err := vs.SetTerms(ctx, by, "V001", vendor.Terms{})
			return r.Refusal, err
		},
		"show vendor V001": func() (refusal.Refusal, error) { r, err := vs.Show(ctx, by, "V001"); return r.Refusal, err },
		"list vendors":     func() (refusal.Refusal, error) { r, err := vs.List(ctx, by, registry.Page{}); return r.Refusal, err },
		"statement of vendor V001": func() (refusal.Refusal, error) {
			r, err := vs.Statement(ctx, by, "V001", registry.Page{})
			return r.Refusal, err
		},
		"book a deposit of vendor V001": func() (refusal.Refusal, error) {
			r, err := vs.Deposit(ctx, by, vendor.Paid{Vendor: "V001", Reference: "1", Amount: kes(1)})
			return r.Refusal, err
		},
	}
}

// TestAStoreThatIsDownIsAnError checks that the error says what was attempted, and is neither an answer nor a refusal. An
// actor without the right is refused before the store is used.
func TestAStoreThatIsDownIsAnError(t *testing.T) {
	down := errors.New("down")
	vs := vendor.New(vendor.Config{Door: broken{down}, Now: time.Now, MayDate: mayDate})
	for what, use := range uses(t.Context(), vs, owner()) {
		if no, err := use(); no.Refused() || !errors.Is(err, down) || err.Error() != what+": down" {
			t.Errorf("%s: %q, %v", what, no.Code, err)
		}
	}
	for what, use := range uses(t.Context(), vs, access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "nobody"}) {
		if no, err := use(); no.Code != refusal.Forbidden || err != nil {
			t.Errorf("%s without a right: %q, %v, want %s", what, no.Code, err, refusal.Forbidden)
		}
	}
	for act, bodies := range map[access.Act][]string{access.ActDeposit: {"{"}, access.ActTerms: {"{", "{}"}} {
		for _, body := range bodies {
			if done, err := vs.Executors()[act](t.Context(), owner(), []byte(body)); err == nil || errors.Is(err, down) || done.Object != "" {
				t.Errorf("%s of %q: %+v, %v, want that it cannot be read", act, body, done, err)
			}
		}
	}
}
