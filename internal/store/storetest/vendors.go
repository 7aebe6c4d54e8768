package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vendor"
)

func vendorTests() []test {
	return []test{
		{"a vendor comes back as it was kept, by identity, code and page", vendorsStored},
		{"a vendor's room follows its terms, its money and its holds", vendorRoom},
		{"a statement runs back from the balance, page by page", vendorStatement},
		{"a settlement has the entries of its period in order", vendorSettled},
		{"the last payment of a meter is its newest completed sale", lastPayments},
		{"copies of a receipt are counted per sale", copiesCounted}, {"papers asked for at once: one original", papersAtOnce},
		{"a known request is looked at without claiming its key", onceLooked},
		{"a day's sums hold what ended within it", daySums},
		{"acts of one person are listed by time", singlePersonActs},
	}
}

func addVendor(t *testing.T, e store.Engine, v vendor.Vendor) vendor.Vendor {
	t.Helper()
	must(t, e, func(tx *store.Tx) (err error) {
		if v.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddVendor(v)
	})
	return v
}

func vendorsStored(t *testing.T, r Rig) {
	e := r.Open(t)
	a := addVendor(t, e, vendor.Vendor{Code: "V001", Name: "Corner shop", Billing: vendor.PrepaidFloat, Commission: 150, Credit: 500})
	later()
	b := addVendor(t, e, vendor.Vendor{Code: "K7", Name: "Kiosk", Billing: vendor.Postpaid, Blocked: true})
	_, err := do(e, func(tx *store.Tx) (value, error) {
		i, err := tx.NewID()
		if err != nil {
			return value{}, err
		}
		return value{}, tx.AddVendor(vendor.Vendor{ID: i, Code: "K7", Name: "Another", Billing: vendor.PrepaidFloat})
	})
	wantErr(t, "a second vendor of one code", err, store.ErrConflict)
	fetched(t, e, func(tx *store.Tx) error { _, _, err := tx.VendorByID(a.ID); return err },
		func(tx *store.Tx) error { _, _, err := tx.VendorByCode("K7"); return err },
		func(tx *store.Tx) error { _, err := tx.VendorPage(id.ID{}, 1); return err })
	letThrough(e)
	must(t, e, func(tx *store.Tx) error {
		byID, found, err := tx.VendorByID(a.ID)
		if err != nil || !found || byID.Name != "Corner shop" || byID.Commission != 150 || byID.Credit != 500 || byID.Blocked || byID.CreatedAt.IsZero() {
			t.Errorf("by identity: %+v, %t, %v", byID, found, err)
		}
		byCode, found, err := tx.VendorByCode("K7")
		if err != nil || !found || byCode.ID != b.ID || !byCode.Blocked || byCode.Billing != vendor.Postpaid {
			t.Errorf("by code: %+v, %t, %v", byCode, found, err)
		}
		if _, found, err := tx.VendorByCode("k7"); err != nil || found {
			t.Errorf("a code in another case: %t, %v", found, err)
		}
		first, err := tx.VendorPage(id.ID{}, 1)
		if err != nil || len(first) != 1 || first[0].ID != a.ID {
			t.Errorf("the first page: %+v, %v", first, err)
		}
		rest, err := tx.VendorPage(a.ID, 10)
		if err != nil || len(rest) != 1 || rest[0].ID != b.ID {
			t.Errorf("the rest: %+v, %v", rest, err)
		}
		byID.Name, byID.Blocked, byID.Credit = "Corner shop 2", true, 900
		return tx.PutVendor(byID)
	})
	must(t, e, func(tx *store.Tx) error {
		v, _, err := tx.VendorByID(a.ID)
		if err == nil && (v.Name != "Corner shop 2" || !v.Blocked || v.Credit != 900 || v.Version != 2) {
			t.Errorf("changed: %+v", v)
		}
		return err
	})
}

func vendorRoom(t *testing.T, r Rig) {
	e := r.Open(t)
	v := addVendor(t, e, vendor.Vendor{Code: "V001", Name: "Corner shop", Billing: vendor.PrepaidFloat, Credit: 500})
	room := func(want ledger.Headroom) {
		t.Helper()
		if got := look(t, e, func(tx *store.Tx) (ledger.Headroom, error) { return tx.Headroom(v.Account()) }); got != want {
			t.Errorf("room %+v, want %+v", got, want)
		}
	}
	room(ledger.Headroom{Left: 500})
	must(t, e, func(tx *store.Tx) error { return book(tx, "deposit", account(ledger.Bank, "b"), v.Account(), 1000) })
	room(ledger.Headroom{Balance: -1000, Left: 1500})
	must(t, e, func(tx *store.Tx) error {
		_, breach, err := tx.Hold(v.Account(), 1200, "vnd_x", tx.Now.Add(time.Minute))
		if breach.Refused() {
			t.Errorf("held within the credit: %+v", breach)
		}
		return err
	})
	room(ledger.Headroom{Balance: -1000, Held: 1200, Left: 300})
	must(t, e, func(tx *store.Tx) error { v.Credit = 0; return tx.PutVendor(v) })
	room(ledger.Headroom{Balance: -1000, Held: 1200, Left: -200})
	for _, amount := range []ledger.Minor{1, 200} {
		v, err := do(e, func(tx *store.Tx) (value, error) {
			_, breach, err := tx.Hold(v.Account(), amount, "vnd_y", tx.Now.Add(time.Minute))
			return value{refused: breach.Refused()}, err
		})
		if err != nil || !v.refused {
			t.Errorf("%d held beyond a lowered limit: refused %t, %v", amount, v.refused, err)
		}
	}
}

func vendorStatement(t *testing.T, r Rig) {
	e := r.Open(t)
	v := addVendor(t, e, vendor.Vendor{Code: "V001", Name: "Corner shop", Billing: vendor.PrepaidFloat})
	for i, amount := range []ledger.Minor{1000, 250, 40} {
		must(t, e, func(tx *store.Tx) error {
			return book(tx, fmt.Sprintf("deposit-%d", i), account(ledger.Bank, "b"), v.Account(), amount)
		})
		later()
	}
	page := func(before id.ID, max int) (out string, last id.ID) {
		for _, b := range look(t, e, func(tx *store.Tx) ([]vendor.Booked, error) { return tx.Statement(v.Account(), before, max) }) {
			out += fmt.Sprintf("%d=%d ", b.Amount, b.Balance)
			last = b.Journal
		}
		return out, last
	}
	first, last := page(id.ID{}, 2)
	rest, _ := page(last, 2)
	if first != "-40=-1290 -250=-1250 " || rest != "-1000=-1000 " {
		t.Errorf("the statement is %q, then %q", first, rest)
	}
	if none := look(t, e, func(tx *store.Tx) ([]vendor.Booked, error) {
		return tx.Statement(account(ledger.Float, "nobody"), id.ID{}, 2)
	}); len(none) != 0 {
		t.Errorf("an account that was never used has %d lines", len(none))
	}
}

func copiesCounted(t *testing.T, r Rig) {
	e := r.Open(t)
	var a, b id.ID
	must(t, e, func(tx *store.Tx) (err error) {
		if a, err = tx.NewID(); err == nil {
			b, err = tx.NewID()
		}
		return err
	})
	for i, first := range []bool{true, false} {
		must(t, e, func(tx *store.Tx) error {
			got, err := tx.AddOriginal(a, "tester")
			if err == nil && got != first {
				t.Errorf("paper %d is the first: %v", i+1, got)
			}
			return err
		})
	}
	for _, c := range []struct {
		sale id.ID
		want int
	}{{a, 1}, {a, 2}, {b, 1}, {a, 3}} {
		must(t, e, func(tx *store.Tx) error {
			n, err := tx.AddCopy(c.sale, "tester")
			if err == nil && n != c.want {
				t.Errorf("copy %d, want %d", n, c.want)
			}
			return err
		})
	}
	must(t, e, func(tx *store.Tx) error {
		first, err := tx.AddOriginal(b, "tester")
		if first {
			t.Error("a sale of which a copy was counted has an original afterwards")
		}
		return err
	})
}

// papersAtOnce prints each of some documents four times at the same moment: one of the four gets the original.
func papersAtOnce(t *testing.T, r Rig) {
	open := r.Open
	if r.Several != nil {
		open = r.Several
	}
	e := open(t)
	letThrough(e)
	for range 10 {
		var originals atomic.Int32
		var document id.ID
		must(t, e, func(tx *store.Tx) (err error) { document, err = tx.NewID(); return err })
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				got, err := do(e, func(tx *store.Tx) (out value, err error) {
					first, err := tx.AddOriginal(document, "tester")
					if first {
						out.n = 1
					}
					time.Sleep(2 * time.Millisecond) // the others run meanwhile
					return out, err
				})
				if err != nil {
					t.Error(err)
				}
				originals.Add(int32(got.n))
			})
		}
		wait.Wait()
		if n := originals.Load(); n != 1 {
			t.Errorf("of four papers that were asked for at once %d are originals", n)
		}
	}
}

func onceLooked(t *testing.T, r Rig) {
	e := r.Open(t)
	o := access.Once{Principal: "till", Key: "key-number-1", Hash: [32]byte{7}}
	known := func() *access.StoredAnswer {
		return look(t, e, func(tx *store.Tx) (*access.StoredAnswer, error) { return tx.OnceLook(o.Principal, o.Key) })
	}
	if k := known(); k != nil {
		t.Errorf("known before it was asked: %+v", k)
	}
	must(t, e, func(tx *store.Tx) error {
		if _, err := tx.OnceTake(o); err != nil {
			return err
		}
		return tx.OncePut(o, 201, []byte("sealed"), true)
	})
	if k := known(); k == nil || k.Status != 201 || k.Hash != o.Hash || string(k.Body) != "sealed" {
		t.Errorf("looked at: %+v", k)
	}
	if k := look(t, e, func(tx *store.Tx) (*access.StoredAnswer, error) { return tx.OnceLook("another", o.Key) }); k != nil {
		t.Errorf("of another asker: %+v", k)
	}
}

func daySums(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	from, to := base(), base().Add(24*time.Hour)
	for i, at := range []time.Time{from.Add(-1000), from, to.Add(-1000), to} {
		s := h.sold(t, e, fmt.Sprintf("sale-%d", i), at)
		must(t, e, func(tx *store.Tx) error {
			rev := sale.Reversal{Sale: s.ID, State: sale.ReversalWaiting, By: "tester", At: at}
			var err error
			if rev.ID, err = tx.NewID(); err != nil {
				return err
			}
			if err := tx.AddReversal(rev); err != nil {
				return err
			}
			if i == 2 {
				return nil // the sale still waits
			}
			rev.State, rev.SettledAt = sale.ReversalDone, at
			return tx.PutReversal(rev)
		})
	}
	sums := look(t, e, func(tx *store.Tx) (string, error) { s, err := tx.DaySums(from, to); return fmt.Sprintf("%+v", s), err })
	if want := "{Sales:2 Tendered:2000 Units:30.000 kWh Reversals:1 Refunded:1000 UnitsBack:15.000 kWh Free:0 UnitsFree:0.000 kWh}"; sums != want {
		t.Errorf("sums %s, want %s", sums, want)
	}
}

func singlePersonActs(t *testing.T, r Rig) {
	e := r.Open(t)
	must(t, e, func(tx *store.Tx) error {
		for i, alone := range []bool{true, false, true, true} {
			err := tx.AuditLog(access.Entry{At: base().Add(time.Duration(i) * time.Hour), Actor: "tester", Action: fmt.Sprintf("act.%d", i), Object: "x", SinglePerson: alone})
			if err != nil {
				return err
			}
		}
		return nil
	})
	acts := look(t, e, func(tx *store.Tx) (out string, err error) {
		rows, err := tx.SinglePersonActs(base(), base().Add(3*time.Hour), 10)
		for _, r := range rows {
			out += r.Action + " "
		}
		return out, err
	})
	if acts != "act.0 act.2 " {
		t.Errorf("acts %q, want act.0 act.2", acts)
	}
	r.seal(t, e)
	if head := look(t, e, func(tx *store.Tx) (string, error) { return tx.LastHead() }); head == "" {
		t.Error("no head after a seal")
	}
	if zone := look(t, e, func(tx *store.Tx) (string, error) { return tx.TenantZone() }); zone != "UTC" {
		t.Errorf("zone %q, want UTC", zone)
	}
}

// held is a sale of 10.00 for 15 kWh to a household, without its identity.
func (h household) held(ref string, at time.Time) sale.Sale {
	s := sale.Sale{ClientRef: ref, Mode: registry.PrepayToken, Meter: sale.MeterRef{ID: h.meter.ID, N: h.meter.N, Number: h.meter.Number}, Account: h.account,
		State: sale.Held, Units: 15_000, Month: "2026-01", PricedAt: at, By: "test", Tariff: h.account, Till: ledger.MainTill}
	s.Tender.Minor, s.Tender.Currency = 1000, "KES"
	return s
}

// sold adds a completed sale of 10.00 for 15 kWh to a household, without its journal.
func (h household) sold(t *testing.T, e store.Engine, ref string, at time.Time) sale.Sale {
	t.Helper()
	s := h.held(ref, at)
	must(t, e, func(tx *store.Tx) (err error) {
		if s.ID, err = tx.NewID(); err != nil {
			return err
		}
		if err := tx.VendReserve(s, [32]byte{1}); err != nil {
			return err
		}
		if _, err = tx.C.Exec(`UPDATE vend SET state = 'completed', completed_at = $1 WHERE tenant_id = $2 AND id = $3`, at, tx.Tenant, s.ID); err != nil {
			return err
		}
		tx.Now = at // the audit row has the time of the sale
		return tx.AuditLog(access.Entry{Actor: "test", Action: proof.Action, Object: s.ID.Text(id.Vend)})
	})
	s.State = sale.Completed
	return s
}

// lastPayments finds the last completed sale of each meter, not one that is held, and not those of other meters.
func lastPayments(t *testing.T, r Rig) {
	e := r.Open(t)
	one, other, none := addHousehold(t, e, 1), addHousehold(t, e, 2), addHousehold(t, e, 3)
	one.sold(t, e, "a", base())
	one.sold(t, e, "b", base().Add(time.Hour))
	other.sold(t, e, "c", base().Add(2*time.Hour))
	must(t, e, func(tx *store.Tx) (err error) {
		s := one.held("d", base().Add(3*time.Hour))
		if s.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.VendReserve(s, [32]byte{1})
	})
	got := look(t, e, func(tx *store.Tx) (map[int64]flats.Payment, error) {
		return tx.LastPaid([]int64{none.meter.N, one.meter.N, other.meter.N})
	})
	want := flats.Payment{At: base().Add(time.Hour), Amount: money.Amount{Minor: 1000, Currency: "KES"}}
	if len(got) != 2 || got[one.meter.N] != want || !got[other.meter.N].At.Equal(base().Add(2*time.Hour)) {
		t.Errorf("the last payments are %v, want %v", got, want)
	}
}

// vendorSettled books entries before, in and after a period, and a late one for it when its day is closed, and reads those
// of a period with the balance before it.
func vendorSettled(t *testing.T, r Rig) {
	e := r.Open(t)
	v := addVendor(t, e, vendor.Vendor{Code: "V001", Name: "Corner shop", Billing: vendor.PrepaidFloat})
	now := look(t, e, func(tx *store.Tx) (time.Time, error) { return tx.Now, nil })
	from, to := now.Add(-time.Minute), now.Add(time.Minute)
	post := func(at time.Time, kind ledger.Kind, ref string, lines ...ledger.Posting) {
		must(t, e, func(tx *store.Tx) error {
			_, err := ledger.Enter(tx.Books(), ledger.Journal{Kind: kind, Ref: ref, PostedAt: at, Postings: lines})
			return err
		})
	}
	for i, at := range []time.Time{from.Add(-time.Microsecond), from, to.Add(-time.Microsecond), to} {
		lines := ledger.FloatDeposited("b", v.ID.Text(id.Vendor), ledger.Minor(100*(i+1)))
		post(at, ledger.DepositIn, fmt.Sprintf("deposit-%d", i), lines...)
	}
	post(now, ledger.Commission, "c", ledger.CommissionEarned(v.ID.Text(id.Vendor), 10, 3)...)
	settled := func(from, to time.Time, max int, want string) {
		t.Helper()
		got := look(t, e, func(tx *store.Tx) (string, error) {
			opening, entries, err := tx.Settled(v.Account(), from, to, max)
			out := fmt.Sprintf("%d:", opening)
			for _, b := range entries {
				if out += fmt.Sprintf(" %d", b.Amount); b.Tax != 0 {
					out += fmt.Sprintf("(%d)", b.Tax)
				}
			}
			return out, err
		})
		if got != want {
			t.Errorf("at most %d from %s: %s, want %s", max, from, got, want)
		}
	}
	settled(from, to, 10, "-100: -200 -13(3) -300")
	settled(from, to, 2, "-100: -200 -13(3)")
	settled(to, to.Add(time.Minute), 10, "-613: -400")
	must(t, e, func(tx *store.Tx) error { return closeDay(tx, "2026-11-20", from, to) })
	post(now, ledger.DepositIn, "late", ledger.FloatDeposited("b", v.ID.Text(id.Vendor), 7)...)
	settled(from, to, 10, "-100: -200 -13(3) -300")
	settled(to, to.Add(time.Minute), 10, "-613: -400 -7")
	if until := look(t, e, (*store.Tx).ClosedUntil); !until.Equal(to) {
		t.Errorf("closed until %s, want %s", until, to)
	}
}
