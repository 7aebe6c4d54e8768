package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// importedFiles checks that an import has one result for each row, that a row is imported once, and what a removed meter leaves behind.
func importedFiles(t *testing.T, r Rig) {
	e := r.Open(t)
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	first := imports.Import{ID: id.ID{5: 1, 15: 1}, Kind: imports.Meters, By: "person x", Principal: "person x", Key: "key-1", Sum: [32]byte{1}, Lines: 3, CreatedAt: at}
	second := first
	second.ID, second.Key = id.ID{5: 2, 15: 2}, "key-2"
	within := refuse.SheetMerged()
	no := refuse.ImportInColumn("A", "Meter", within.What, within.Try)
	no.Within = &within
	ok := imports.Line{Line: 2, State: imports.Done, Object: id.ID{7}, Print: [32]byte{2}}
	bad := imports.Line{Line: 3, State: imports.Failed, Refusal: no, Print: [32]byte{3}}
	must(t, e, func(tx *store.Tx) error {
		one, err1 := tx.AddImport(first)
		same, err2 := tx.AddImport(imports.Import{ID: id.ID{9}, Principal: "person x", Key: "key-1", CreatedAt: at})
		two, err3 := tx.AddImport(second)
		a, err4 := tx.AddImportLine(first.ID, ok)
		b, err5 := tx.AddImportLine(first.ID, ok)
		c, err6 := tx.AddImportLine(second.ID, ok)
		d, err7 := tx.AddImportLine(first.ID, bad)
		f, err8 := tx.AddImportLine(second.ID, bad)
		if !one || same || !two || !a || b || c || !d || !f {
			t.Errorf("stored: imports %t %t %t, rows %t %t %t %t %t", one, same, two, a, b, c, d, f)
		}
		return errors.Join(err1, err2, err3, err4, err5, err6, err7, err8)
	})
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		byKey, found, err1 := tx.ImportByKey("person x", "key-1")
		byID, _, err2 := tx.ImportByID(second.ID)
		open, _, err3 := tx.UnfinishedImport([32]byte{1})
		_, other, err4 := tx.UnfinishedImport([32]byte{2})
		where, line, there, err5 := tx.ImportedRow([32]byte{2})
		_, _, failed, err6 := tx.ImportedRow([32]byte{3})
		rows, err7 := tx.ImportLines(first.ID, 0, 10)
		rest, err8 := tx.ImportLines(first.ID, 2, 10)
		page, err9 := tx.ImportPage(second.ID, 10)
		all, err10 := tx.ImportPage(id.ID{}, 1)
		if byKey != first || !found || byID != second || open != second || other || where != first.ID || line != 2 || !there || failed {
			t.Errorf("found %+v, %+v, %+v; row %v %d %t %t", byKey, byID, open, where, line, there, failed)
		}
		if !reflect.DeepEqual(rows, []imports.Line{ok, bad}) || !reflect.DeepEqual(rest, []imports.Line{bad}) || !slices.Equal(page, []imports.Import{first}) || !slices.Equal(all, []imports.Import{second}) {
			t.Errorf("listed %+v, %+v, %+v, %+v", rows, rest, page, all)
		}
		return struct{}{}, errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9, err10)
	})
	ok.State, ok.Refusal = imports.Undone, no
	must(t, e, func(tx *store.Tx) error {
		return errors.Join(tx.FinishImport(first.ID, at.Add(time.Hour)), tx.UndoImport(first.ID, at.Add(2*time.Hour)), tx.SetImportLine(first.ID, ok))
	})
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		i, _, err1 := tx.ImportByID(first.ID)
		_, _, there, err2 := tx.ImportedRow([32]byte{2})
		rows, err3 := tx.ImportLines(first.ID, 0, 1)
		if !i.DoneAt.Equal(at.Add(time.Hour)) || !i.UndoneAt.Equal(at.Add(2*time.Hour)) || there || !reflect.DeepEqual(rows, []imports.Line{ok}) {
			t.Errorf("undone: %+v, its row is there: %t, %+v", i, there, rows)
		}
		return struct{}{}, errors.Join(err1, err2, err3)
	})
	removed(t, e)
	movedOut(t, e)
	chargeTakenOver(t, r)
	soldMeanwhile(t, r)
}

// movedOut closes the account of a new meter's customer, as a move-out does: neither the customer nor the meter is taken back any more, and not after
// another customer has moved in either.
func movedOut(t *testing.T, e store.Engine) {
	h := addHousehold(t, e, 79)
	was := look(t, e, func(tx *store.Tx) (a registry.Account, err error) {
		_, err = tx.One(`SELECT customer_id, service_point_id, tariff_id FROM account WHERE tenant_id = $1 AND id = $2`, func(r core.Row) error {
			a.Customer, a.Point, a.Tariff = r.ID(0), r.ID(1), r.ID(2)
			return nil
		}, tx.Tenant, h.account)
		return a, err
	})
	stays := func(when string) {
		look(t, e, func(tx *store.Tx) (struct{}, error) {
			used, err1 := tx.MeterUsed(h.meter)
			busy, err2 := tx.CustomerBusy(was.Customer)
			if !used || !busy {
				t.Errorf("%s: meter used %t, customer busy %t", when, used, busy)
			}
			return struct{}{}, errors.Join(err1, err2)
		})
	}
	must(t, e, func(tx *store.Tx) error { return tx.AccountClose(h.account, tx.Now, registry.CreditLeft{}) })
	stays("after the move-out")
	must(t, e, func(tx *store.Tx) error {
		next := registry.Account{Point: was.Point, Mode: h.meter.Mode, Tariff: was.Tariff, Status: "active", OpenedAt: tx.Now}
		var err1, err2 error
		next.ID, err1 = tx.NewID()
		next.Customer, err2 = tx.NewID()
		if err := errors.Join(err1, err2, tx.AddCustomerRow(registry.Customer{ID: next.Customer, Name: "Next", CreatedAt: tx.Now}), tx.AddAccount(next),
			tx.OccupyMeter(h.meter, next.ID)); err != nil {
			return err
		}
		h.meter.Account = next.ID
		return nil
	})
	stays("after another customer has moved in")
}

// chargeTakenOver lets one new meter's account take a charge of another's over: both meters were used since, so no import of them is undone.
func chargeTakenOver(t *testing.T, r Rig) {
	e := r.Open(t)
	from, to := addHousehold(t, e, 77), addHousehold(t, e, 78)
	c := debt.Due{ID: id.ID{3}, Account: from.account, Name: "standing", Month: "2026-11", Gross: 3000, Priority: 20}
	must(t, e, func(tx *store.Tx) error { return tx.ChargePut(c) })
	used := func() (used []bool) {
		look(t, e, func(tx *store.Tx) (struct{}, error) {
			for _, h := range []household{from, to} {
				is, err := tx.MeterUsed(h.meter)
				if err != nil {
					return struct{}{}, err
				}
				used = append(used, is)
			}
			return struct{}{}, nil
		})
		return used
	}
	if got := used(); !slices.Equal(got, []bool{false, false}) {
		t.Errorf("with a charge of its own a new meter counts as used: %t", got)
	}
	must(t, e, func(tx *store.Tx) error {
		_, err := registry.TakeOver(tx.Owing(), from.account, to.account, tx.Now)
		return err
	})
	if got := used(); !slices.Equal(got, []bool{true, true}) {
		t.Errorf("after a charge was taken over the two meters count as used: %t", got)
	}
	must(t, e, func(tx *store.Tx) error { // the charge of the month rises the next day
		dues, err := tx.ChargesOf(from.account, c.Month)
		if err != nil || len(dues) != 1 || dues[0].Gross != 0 || dues[0].Moved != 3000 {
			return fmt.Errorf("the account has %+v, want nothing of 30.00: %w", dues, err)
		}
		dues[0].Gross = 100
		return tx.ChargePut(dues[0])
	})
	must(t, e, func(tx *store.Tx) error {
		_, err := registry.TakeOver(tx.Owing(), from.account, to.account, tx.Now)
		return err
	})
	must(t, e, func(tx *store.Tx) error {
		dues, err := tx.ChargesOf(from.account, c.Month)
		if err != nil || len(dues) != 1 || dues[0].Gross != 0 || dues[0].Moved != 3100 {
			return fmt.Errorf("after another take-over the account has %+v, want nothing of 31.00: %w", dues, err)
		}
		dues[0].Gross = 100
		return tx.ChargePut(dues[0])
	})
	if got := used(); !slices.Equal(got, []bool{true, true}) {
		t.Errorf("after the charge has risen the two meters count as used: %t", got)
	}
}

// soldMeanwhile undoes the import of a meter while a sale to it is under way: the meter stays.
func soldMeanwhile(t *testing.T, r Rig) {
	open := r.Open
	if r.Several != nil {
		open = r.Several
	}
	e := open(t)
	h := addHousehold(t, e, 77)
	locked, ended, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	used, tries := false, 0
	go func() {
		defer close(ended)
		<-locked
		done <- e.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
			var err error
			used, err = tx.MeterUsed(h.meter)
			return false, err
		})
	}()
	must(t, e, func(tx *store.Tx) error {
		tries++
		if _, _, err := tx.VendPoint(registry.Ref{ID: h.meter.ID}); err != nil {
			return err
		}
		once.Do(func() {
			close(locked)
			r.behind(t, e, ended)
		})
		s, err := h.held("meanwhile", tx.Now), error(nil)
		if s.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.VendReserve(s, [32]byte{1})
	})
	if err := <-done; err != nil || !used && tries == 1 { // the undoing may run between two tries of the sale
		t.Fatalf("the meter counts as used: %t, %v", used, err)
	}
}

// removed checks that a removed meter and its customer are in no list, and that the meter's number is free.
func removed(t *testing.T, e store.Engine) {
	h := addHousehold(t, e, 77)
	customer := look(t, e, func(tx *store.Tx) (id.ID, error) {
		rec, _, err := tx.MeterRecord(h.meter.ID)
		return rec.Customer.ID, err
	})
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		used, err1 := tx.MeterUsed(h.meter)
		busy, err2 := tx.CustomerBusy(customer)
		if used || !busy {
			t.Errorf("a new meter: used %t, its customer busy %t", used, busy)
		}
		return struct{}{}, errors.Join(err1, err2)
	})
	must(t, e, func(tx *store.Tx) error { return errors.Join(tx.RemoveMeter(h.meter), tx.RemoveCustomer(customer)) })
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		taken, err1 := tx.NumberTaken(h.meter.Number)
		busy, err2 := tx.CustomerBusy(customer)
		records, err3 := tx.MeterRecords(id.ID{}, 10)
		standings, err4 := tx.MeterStandings(registry.StandingFilter{}, id.ID{}, 10)
		like, err5 := tx.CustomersLike("", "", id.ID{}, 10)
		found, err6 := tx.MetersNumbered("04", 10)
		m, _, err7 := tx.MeterByID(h.meter.ID)
		if taken || busy || len(records)+len(standings)+len(like)+len(found) > 0 || m.Status != registry.Removed {
			t.Errorf("removed: number taken %t, customer busy %t, listed %d %d %d %d, status %s", taken, busy, len(records), len(standings), len(like), len(found), m.Status)
		}
		return struct{}{}, errors.Join(err1, err2, err3, err4, err5, err6, err7)
	})
}
