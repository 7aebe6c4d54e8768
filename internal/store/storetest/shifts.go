package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/till"
)

// shifts checks that a till and a person have one open shift each, what the lists find, and that a shift's cash is that of its account.
func shifts(t *testing.T, r Rig) {
	e := r.Open(t)
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	add := func(n byte, name string, holder byte, want bool) till.Shift {
		t.Helper()
		s := till.Shift{ID: id.ID{0, 0, 0, 0, 0, n, 9}, Till: name, Holder: id.ID{holder}, Operator: "person " + name, Opening: 500, OpenedAt: at.Add(time.Duration(n) * time.Hour)}
		must(t, e, func(tx *store.Tx) error {
			added, err := tx.AddShift(s)
			if added != want {
				t.Errorf("shift %d: stored %t, want %t", n, added, want)
			}
			return err
		})
		return s
	}
	first := add(1, "main", 1, true)
	add(2, "main", 2, false)
	add(3, "till-2", 1, false)
	second := add(4, "till-2", 2, true)
	must(t, e, func(tx *store.Tx) error {
		if err := book(tx, "sale", first.Account(), account(ledger.RevenueEnergy, ""), 900); err != nil {
			return err
		}
		return book(tx, "other", second.Account(), account(ledger.RevenueEnergy, ""), 70)
	})
	first.ClosedAt, first.ClosedBy, first.Expected, first.Counted, first.Note = at.Add(9*time.Hour), "person x", 900, 890, "coins"
	must(t, e, func(tx *store.Tx) error { return tx.CloseShift(first) })
	if _, err := do(e, func(tx *store.Tx) (value, error) { return value{}, tx.CloseShift(first) }); err == nil {
		t.Error("a shift was closed twice")
	}
	add(5, "main", 1, true)
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		closed, _, err1 := tx.ShiftByID(first.ID)
		held, _, err2 := tx.OpenShift(id.ID{2})
		_, found, err3 := tx.OpenAt("till-9")
		c, err4 := tx.ShiftCash(first)
		busy, err5 := tx.ShiftBusy(first.ID)
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			return struct{}{}, err
		}
		if closed != first || held != second || found || busy {
			t.Errorf("closed %+v, want %+v; of a holder %+v, want %+v; at an unused till %t; busy %t", closed, first, held, second, found, busy)
		}
		if c.Sales != 1 || c.Sold != 900 || len(c.Breakdown) != 1 || c.Breakdown[0].Amount != 900 {
			t.Errorf("the cash of a shift: %+v", c)
		}
		for name, c := range map[string]struct {
			f    till.Filter
			want int
		}{
			"all": {till.Filter{}, 3}, "open": {till.Filter{State: till.StateOpen}, 2}, "closed": {till.Filter{State: till.StateClosed}, 1},
			"of a till": {till.Filter{Till: "main"}, 2}, "of a person": {till.Filter{Operator: "person till-2"}, 1},
			"opened before": {till.Filter{OpenedBefore: at.Add(4 * time.Hour)}, 1}, "closed on": {till.Filter{ClosedFrom: at, ClosedTo: at.Add(10 * time.Hour)}, 1},
			"closed later": {till.Filter{ClosedFrom: at.Add(10 * time.Hour)}, 0},
		} {
			rows, err := tx.ShiftPage(c.f, id.ID{}, 10)
			if err != nil {
				return struct{}{}, err
			}
			if len(rows) != c.want {
				t.Errorf("%s: %d shifts, want %d", name, len(rows), c.want)
			}
		}
		rows, err := tx.ShiftPage(till.Filter{}, second.ID, 1)
		if err == nil && len(rows) != 1 || err == nil && rows[0] != first {
			t.Errorf("the page after the second shift: %+v", rows)
		}
		return struct{}{}, err
	})
}
