package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/vendor"
)

// edgeTests tests limits that are met exactly and pages that are exactly full.
func edgeTests() []test {
	return []test{
		{"LAST says what became of a meter's last sale", lastSale},
		{"LAST looks at fifty tokens and not beyond", lastLooked},
		{"a page that is exactly full is followed by an empty one", fullPages},
		{"no more work is taken than was asked for", fullBatches},
		{"rows that wait for their seal are found behind a full page of others", fullPageOfOthers},
	}
}

// newToken writes a token whose identity contains its number n. The parameter sold is the sale; it is zero for a token that was not sold.
func (h household) newToken(t *testing.T, e store.Engine, n int, sold, key id.ID, state string) {
	t.Helper()
	job := id.ID{}
	if sold.IsZero() {
		job = id.ID{14: 1, 15: 1}
	}
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`INSERT INTO token (tenant_id, id, vend_id, job_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, state, issued_at, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 2014, 0, 0, 1, 15000, $8, $9, $9)`,
			tx.Tenant, id.ID{0: 2, 14: byte(n >> 8), 15: byte(n)}, sold, job, h.meter.N, key, 1000+n, state, tx.Now)
		return err
	})
}

func lastSaleOf(t *testing.T, e store.Engine, h household) string {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (string, error) {
		last, found, err := notify.LastSaleTo(tx, h.meter.N)
		if err != nil || !found {
			return "none", err
		}
		return fmt.Sprintf("%s: %d tokens, pending %t, reversed %t, %d minor units", last.Vend.Text(id.Vend), len(last.Tokens), last.Pending, last.Reversed, last.Tender.Minor), nil
	})
}

func lastSale(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	key := h.key(t, e, 1, "current").ID
	if got := lastSaleOf(t, e, h); got != "none" {
		t.Errorf("a meter without a sale: %s", got)
	}
	s := h.sold(t, e, "a", base())
	h.newToken(t, e, 1, s.ID, key, "issued")
	name := s.ID.Text(id.Vend)
	set := func(sql string, args ...any) {
		must(t, e, func(tx *store.Tx) error { _, err := tx.C.Exec(sql, append(args, tx.Tenant)...); return err })
	}
	for _, c := range []struct {
		state             sale.State
		pending, reversed bool
	}{{sale.Completed, false, false}, {sale.Held, true, false}, {sale.Reversing, false, true}, {sale.Reversed, false, true}} {
		set(`UPDATE vend SET state = $1 WHERE tenant_id = $2`, string(c.state))
		if got, want := lastSaleOf(t, e, h), fmt.Sprintf("%s: 1 tokens, pending %t, reversed %t, 1000 minor units", name, c.pending, c.reversed); got != want {
			t.Errorf("a sale that is %s: %s, want %s", c.state, got, want)
		}
	}
	h.newToken(t, e, 2, h.sold(t, e, "b", base()).ID, key, "failed")
	h.newToken(t, e, 3, id.ID{}, key, "issued")
	if got := lastSaleOf(t, e, h); got[:len(name)] != name {
		t.Errorf("behind a failed and a free token: %s, want sale %s", got, name)
	}
	set(`UPDATE meter SET account_id = $1 WHERE tenant_id = $2`, id.ID{15: 9})
	if got := lastSaleOf(t, e, h); got != "none" {
		t.Errorf("to whoever moved in: %s, want none: it is a former occupant's", got)
	}
}

func lastLooked(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	key := h.key(t, e, 1, "current").ID
	letThrough(e)
	s := h.sold(t, e, "a", base())
	h.newToken(t, e, 1, s.ID, key, "issued")
	for n := range 49 {
		h.newToken(t, e, 2+n, id.ID{}, key, "issued")
	}
	if got := lastSaleOf(t, e, h); got == "none" {
		t.Error("the sale of the fiftieth token is not found")
	}
	h.newToken(t, e, 51, id.ID{}, key, "issued")
	if got := lastSaleOf(t, e, h); got != "none" {
		t.Errorf("the sale of the fifty-first token: %s, want none", got)
	}
}

// fullPages reads lists of four rows with pages of two: two full pages and an empty one.
func fullPages(t *testing.T, r Rig) {
	e := r.Open(t)
	must(t, e, func(tx *store.Tx) error {
		for n := range 4 {
			i := id.ID{14: 1, 15: byte(n + 1)}
			if err := firstOf(
				tx.AddVendor(vendor.Vendor{ID: i, Code: fmt.Sprintf("V%d", n), Name: "shop", Billing: vendor.PrepaidFloat, CreatedAt: tx.Now}),
				tx.AddApproval(access.Approval{ID: i, Act: access.ActDeposit, Right: access.DepositFloat, Body: []byte("{}"), State: access.ApprovalWaiting, CreatedAt: tx.Now}),
			); err != nil {
				return err
			}
		}
		return nil
	})
	rows := look(t, e, func(tx *store.Tx) (int, error) {
		ids, _, err := AuditPage(tx, id.ID{}, 100)
		return len(ids), err
	})
	if rows%2 == 1 { // the pages of two are full only if the number of rows is even
		must(t, e, func(tx *store.Tx) error { return tx.AuditLog(someEntry("act")) })
		rows++
	}
	for name, list := range map[string]struct {
		all  int
		page func(tx *store.Tx, after id.ID) ([]id.ID, error)
	}{
		"vendors": {4, func(tx *store.Tx, after id.ID) (out []id.ID, err error) {
			page, err := tx.VendorPage(after, 2)
			for _, v := range page {
				out = append(out, v.ID)
			}
			return out, err
		}},
		"approvals": {4, func(tx *store.Tx, after id.ID) (out []id.ID, err error) {
			page, err := tx.ApprovalPage(access.ApprovalWaiting, after, 2)
			for _, a := range page {
				out = append(out, a.ID)
			}
			return out, err
		}},
		"audit rows": {rows, func(tx *store.Tx, after id.ID) ([]id.ID, error) {
			ids, _, err := AuditPage(tx, after, 2)
			return ids, err
		}},
	} {
		seen, after := map[id.ID]bool{}, id.ID{}
		for range list.all / 2 {
			page := look(t, e, func(tx *store.Tx) ([]id.ID, error) { return list.page(tx, after) })
			if len(page) != 2 {
				t.Fatalf("%s: a page of %d after %d rows, want 2", name, len(page), len(seen))
			}
			seen[page[0]], seen[page[1]], after = true, true, page[1]
		}
		if len(seen) != list.all {
			t.Errorf("%s: %d rows on full pages, want %d", name, len(seen), list.all)
		}
		if page := look(t, e, func(tx *store.Tx) ([]id.ID, error) { return list.page(tx, after) }); len(page) != 0 {
			t.Errorf("%s: %d rows behind the last page, want none", name, len(page))
		}
	}
}

// fullBatches creates three of everything that workers take, and lets them take two.
func fullBatches(t *testing.T, r Rig) {
	e := r.Open(t)
	now := base()
	must(t, e, func(tx *store.Tx) error {
		tx.Now = now
		if err := book(tx, "deposit", account(ledger.Bank, "b"), account(ledger.Float, "v"), 1000); err != nil {
			return err
		}
		for n := range 3 {
			if _, _, err := tx.Hold(account(ledger.Float, "v"), 10, fmt.Sprint(n), now.Add(time.Minute)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, want := range []int{2, 1, 0} {
		must(t, e, func(tx *store.Tx) error {
			tx.Now = now.Add(time.Minute)
			n, err := tx.HoldExpire(2)
			if err == nil && n != want {
				t.Errorf("%d holds expired at the end of their time, want %d", n, want)
			}
			return err
		})
	}
}

// fullPageOfOthers inserts a thousand rows, a whole page, as somebody without the key would, and then the rows of a server.
func fullPageOfOthers(t *testing.T, r Rig) {
	e := r.Open(t)
	letThrough(e)
	if !sealsLater(t, e) {
		return
	}
	_, err := do(e, func(tx *store.Tx) (value, error) {
		for n := range 1000 {
			_, err := tx.C.Exec(`INSERT INTO audit (tenant_id, id, at, actor, action, leaf) VALUES ($1, $2, 1, 'x', 'x', $3)`,
				tx.Tenant, id.ID{13: 1, 14: byte(n >> 8), 15: byte(n)}, named(byte(n)))
			if err != nil {
				return value{}, err
			}
		}
		rnd := rand.NewChaCha8([32]byte{3})
		key, err := seal.NewKey("edges", rnd)
		if err != nil {
			return value{}, err
		}
		own := store.NewTx(tx.C, tx.Tenant, goldenTime(), rnd, 1, nil)
		own.Mark = key.Mark
		err = firstOf(own.AuditLog(someEntry("a")), own.AuditLog(someEntry("b")), own.AuditLog(someEntry("c")))
		if err == nil {
			_, err = own.Finish(false, nil)
		}
		sealer := core.NewSealer(key)
		for _, want := range []int{2, 1, 0} {
			if err != nil {
				break
			}
			var f *core.Fresh
			if f, err = sealer.Collect(own.Tx, 2); err == nil && f.Len() != want {
				t.Errorf("%d rows were collected, want %d", f.Len(), want)
			}
		}
		return value{refused: true}, err
	})
	if err != nil {
		t.Fatal(err)
	}
}
