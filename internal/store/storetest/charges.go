package storetest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
)

func chargeTests() []test {
	return []test{
		{"a sale takes charges, debts and free units, and gives them back", chargesMove},
		{"what is not owed cannot be taken", chargesBounded},
		{"the job finds the accounts that are not charged yet", chargeAccounts},
		{"debts and charges are listed by page, and written off", owingPages},
		{"an account is found with its meters, and its statement is in order", accountStatement},
		{"balances of any past time are those of that time", pastBalances},
		{"meters and customers are found by words and digits", metersSearched},
		{"tokens of an earlier version are found by their last digits", tailsAdded},
		{"shifts of tills", shifts},
		{"imported files", importedFiles},
		{"adopted devices", adoptedDevices},
		{"journals are found by account and by operation", journalSearch},
	}
}

// household is an account with a meter.
type household struct {
	account id.ID
	meter   registry.Meter
}

func addHousehold(t *testing.T, e store.Engine, n int64) household {
	t.Helper()
	h := household{meter: registry.Meter{N: n, Number: fmt.Sprintf("0414000%04d", n), Mode: registry.PrepayToken, Status: registry.Active, Phases: 1,
		ImpPerKWh: 1000, TT: "02", ReadingInterval: 30 * time.Minute, CreatedAt: base()}}
	must(t, e, func(tx *store.Tx) error {
		ids := make([]id.ID, 4)
		for i := range ids {
			var err error
			if ids[i], err = tx.NewID(); err != nil {
				return err
			}
		}
		h.meter.ID, h.account, h.meter.Account = ids[0], ids[1], ids[1]
		if err := tx.AddCustomerRow(registry.Customer{ID: ids[2], Name: "Amina A.", Lang: "en", CreatedAt: tx.Now}); err != nil {
			return err
		}
		if err := tx.AddPoint(registry.Point{ID: ids[3], Address: "12 Lake Road"}); err != nil {
			return err
		}
		if err := tx.AddAccount(registry.Account{ID: ids[1], Customer: ids[2], Point: ids[3], Mode: registry.PrepayToken, Tariff: ids[0],
			Status: "active", OpenedAt: base()}); err != nil {
			return err
		}
		return tx.AddMeterRow(h.meter, nil, []byte("sealed link key"))
	})
	return h
}

// owe makes a charge due and raises a debt with its journal.
func (h household) owe(t *testing.T, e store.Engine, due, owed money.Minor) debt.Debt {
	t.Helper()
	d := debt.Debt{Account: h.account, Kind: "loan", Principal: owed, Outstanding: owed, Mode: tariff.Percent, Value: 2000, Priority: 30,
		Capped: true, Against: "opening", Status: debt.Open}
	must(t, e, func(tx *store.Tx) (err error) {
		c := debt.Due{Account: h.account, Name: "standing", Month: "2026-11", Gross: due, VATBps: 1500, Priority: 20, Capped: true}
		if c.ID, err = tx.NewID(); err != nil {
			return err
		}
		if err := tx.ChargePut(c); err != nil {
			return err
		}
		if d.ID, err = tx.NewID(); err != nil {
			return err
		}
		d.CreatedAt = tx.Now
		if err := tx.DebtAdd(d); err != nil {
			return err
		}
		_, err = post(tx, ledger.Raised, d.Name(), account(ledger.Debt, ledger.SubjectOf(h.account, d.Name())), account(ledger.Opening, ""), owed)
		return err
	})
	return d
}

// sale is a sale that pays towards a charge and a debt, without its journal.
func (h household) sale(tx *store.Tx, d debt.Debt, ref string, fixed, vat, debt money.Minor) (sale.Sale, error) {
	s := sale.Sale{ClientRef: ref, Mode: registry.PrepayToken, Meter: sale.MeterRef{ID: h.meter.ID, N: h.meter.N, Number: h.meter.Number}, Account: h.account,
		State: sale.Held, Tender: money.Amount{Minor: fixed + vat + debt, Currency: "KES"}, Units: 15_000, Free: 5000, Month: "2026-11",
		Lines: []sale.Line{{Kind: sale.LineFixed, Ref: "standing 2026-11", Amount: fixed, VAT: vat}, {Kind: sale.LineDebt, Ref: d.Name(), Amount: debt},
			{Kind: sale.LineVAT, Amount: vat}}, PricedAt: tx.Now, By: "test", Tariff: h.account, Till: ledger.MainTill}
	var err error
	s.ID, err = tx.NewID()
	return s, err
}

func (h household) owes(t *testing.T, e store.Engine) string {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (string, error) {
		dues, debts, err := tx.ChargesOpen(h.account, 10)
		out := ""
		for _, d := range dues {
			out += fmt.Sprintf("%s %d of %d, ", d.Ref(), d.Left(), d.Gross)
		}
		for _, d := range debts {
			out += fmt.Sprintf("%s %d (%s %d %s), ", d.Kind, d.Outstanding, d.Month, d.MonthTaken, d.Status)
		}
		m, e := tx.VendMonth(h.account, "2026-11")
		return out + fmt.Sprintf("%d Wh, %d free, claimed %t", m.Units, m.Free, m.FreeClaimed), firstError(err, e)
	})
}

// later waits for the clock to advance: identities sort by millisecond, and a later posting must have a later time.
func later() {
	for start := time.Now(); time.Since(start) < 2*time.Millisecond; {
		runtime.Gosched()
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func chargesMove(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	d := h.owe(t, e, 11270, 60000)
	before := h.owes(t, e)
	if want := "standing 2026-11 11270 of 11270, loan 60000 ( 0 open), 0 Wh, 0 free, claimed false"; before != want {
		t.Errorf("at first %s, want %s", before, want)
	}
	var s sale.Sale
	must(t, e, func(tx *store.Tx) (err error) {
		if s, err = h.sale(tx, d, "a", 3043, 457, 10000); err != nil {
			return err
		}
		return tx.VendReserve(s, [32]byte{1})
	})
	if got, want := h.owes(t, e), "standing 2026-11 7770 of 11270, loan 50000 (2026-11 10000 open), 15000 Wh, 5000 free, claimed true"; got != want {
		t.Errorf("with the sale %s, want %s", got, want)
	}
	must(t, e, func(tx *store.Tx) error { return tx.ChargesGiveBack(s) })
	if got, want := h.owes(t, e), strings.Replace(before, "( 0", "(2026-11 0", 1); got != want {
		t.Errorf("given back %s, want %s", got, want)
	}
	stored := look(t, e, func(tx *store.Tx) (sale.Sale, error) { s, _, err := tx.VendSale(s.ID); return s, err })
	if stored.Free != 5000 || stored.Units != 15_000 || len(stored.Lines) != 3 || stored.Lines[1].Ref != d.Name() {
		t.Errorf("the sale came back as %+v", stored)
	}
}

func chargesBounded(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	d := h.owe(t, e, 1000, 500)
	for ref, take := range map[string][2]money.Minor{"charge": {1001, 500}, "debt": {1000, 501}} {
		_, err := do(e, func(tx *store.Tx) (value, error) {
			s, err := h.sale(tx, d, ref, take[0], 0, take[1])
			if err != nil {
				return value{}, err
			}
			return value{}, tx.VendReserve(s, [32]byte{1})
		})
		wantErr(t, "taking more than is owed of the "+ref, err, store.ErrInvariant)
	}
}

func chargeAccounts(t *testing.T, r Rig) {
	e := r.Open(t)
	a, b := addHousehold(t, e, 1), addHousehold(t, e, 2)
	wanted := func(date string) int {
		n := 0
		must(t, e, func(tx *store.Tx) error {
			all, err := tx.ChargeAccounts(id.ID{}, date, 10)
			n = len(all)
			return err
		})
		return n
	}
	must(t, e, func(tx *store.Tx) error { return tx.ChargedTo(a.account, "2026-11-20") })
	if first, next := wanted("2026-11-20"), wanted("2026-11-21"); first != 1 || next != 2 {
		t.Errorf("%d accounts are to be charged on the day and %d on the next, want 1 and 2", first, next)
	}
	must(t, e, func(tx *store.Tx) error { _, err := tx.JobRun("charges", "2026-11-20"); return err })
	done := look(t, e, func(tx *store.Tx) (string, error) {
		on, err := tx.JobDone("charges", "2026-11-20")
		off, e := tx.JobDone("charges", "2026-11-21")
		zone, policy, e2 := tx.ChargeTenant()
		return fmt.Sprintf("%t %t %s %v", on, off, zone, policy), firstError(err, e, e2)
	})
	if want := "true false UTC {0 false false}"; done != want {
		t.Errorf("job and tenant %s, want %s", done, want)
	}
	b.owe(t, e, 500, 1)
	must(t, e, func(tx *store.Tx) error { // a daily charge rises
		dues, err := tx.ChargesOf(b.account, "2026-11")
		if err != nil || len(dues) != 1 {
			return fmt.Errorf("%d charges: %w", len(dues), err)
		}
		dues[0].Gross = 700
		return tx.ChargePut(dues[0])
	})
	if got := b.owes(t, e); !strings.HasPrefix(got, "standing 2026-11 700 of 700, ") {
		t.Errorf("after it rose: %s", got)
	}
}

func owingPages(t *testing.T, r Rig) {
	e := r.Open(t)
	a, b := addHousehold(t, e, 1), addHousehold(t, e, 2)
	d := a.owe(t, e, 100, 300)
	b.owe(t, e, 100, 300)
	got := look(t, e, func(tx *store.Tx) (string, error) {
		all, err := tx.DebtPage(id.ID{}, false, id.ID{}, 10)
		one, e1 := tx.DebtPage(a.account, true, id.ID{}, 10)
		none, e2 := tx.DebtPage(id.ID{}, false, all[len(all)-1].ID, 10)
		charges, e3 := tx.ChargePage(id.ID{}, true, id.ID{}, 1)
		own, e4 := tx.ChargePage(b.account, false, id.ID{}, 10)
		return fmt.Sprint(len(all), len(one), len(none), len(charges), len(own)), firstError(err, e1, e2, e3, e4)
	})
	if got != "2 1 0 1 1" {
		t.Errorf("pages have %s rows, want 2 1 0 1 1", got)
	}
	must(t, e, func(tx *store.Tx) error {
		for _, w := range []struct {
			amount money.Minor
			ok     bool
		}{{301, false}, {100, true}, {200, true}, {1, false}} {
			if ok, err := tx.DebtWriteOff(d.ID, w.amount); err != nil || ok != w.ok {
				return fmt.Errorf("writing off %d: %t %w", w.amount, ok, err)
			}
		}
		after, _, err := tx.Debt(d.ID)
		if err == nil && (after.Status != debt.WrittenOff || after.Outstanding != 0) {
			t.Errorf("written off: %+v", after)
		}
		return err
	})
}

func accountStatement(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	d := h.owe(t, e, 1000, 500)
	later()
	must(t, e, func(tx *store.Tx) error {
		s, err := h.sale(tx, d, "a", 100, 0, 100)
		if err != nil {
			return err
		}
		return tx.VendReserve(s, [32]byte{1})
	})
	place := look(t, e, func(tx *store.Tx) (debt.AccountDetails, error) {
		p, _, err := tx.AccountPlace(debt.AccountName{Meter: registry.Ref{Number: h.meter.Number}})
		return p, err
	})
	if place.ID != h.account || place.Customer.Name != "Amina A." || place.Address != "12 Lake Road" || len(place.Meters) != 1 {
		t.Errorf("the meter's account is %+v", place)
	}
	entries := look(t, e, func(tx *store.Tx) ([]debt.Entry, error) { return tx.AccountEntries(h.account, id.ID{}, 10) })
	if len(entries) != 2 || entries[0].Kind != "vend" || entries[0].Amount != 200 || entries[1].Kind != "debt" || entries[1].Amount != 500 {
		t.Errorf("statement %+v", entries)
	}
	if rest := look(t, e, func(tx *store.Tx) ([]debt.Entry, error) { return tx.AccountEntries(h.account, entries[0].ID, 10) }); len(rest) != 1 {
		t.Errorf("%d entries before the newest, want 1", len(rest))
	}
	customer := func() (id.ID, bool) {
		var found bool
		c := look(t, e, func(tx *store.Tx) (c id.ID, err error) { c, found, err = tx.CustomerOf(h.meter.ID); return c, err })
		return c, found
	}
	if got, found := customer(); !found || got != place.Customer.ID || got.IsZero() {
		t.Errorf("the customer of the meter is %v (%t), want %v", got, found, place.Customer.ID)
	}
	tenants := func(building string, from, to time.Duration) int {
		return len(look(t, e, func(tx *store.Tx) ([]flats.Tenancy, error) {
			return tx.Tenancies(building, base().Add(from), base().Add(to), 5)
		}))
	}
	must(t, e, func(tx *store.Tx) error {
		return tx.AccountClose(h.account, base().Add(time.Hour), registry.CreditLeft{})
	})
	const tick = time.Microsecond // the store keeps no smaller part of a time
	for i, n := range []int{tenants("", 0, tick), tenants("", time.Hour, 2*time.Hour), tenants("", -tick, 0), tenants("", time.Hour+tick, 2*time.Hour), tenants("Hill", 0, tick)} {
		if (n == 1) != (i < 2) {
			t.Errorf("span %d has %d tenancies", i, n)
		}
	}
	if got, found := customer(); found {
		t.Errorf("the meter of a closed account has the customer %v", got)
	}
}

func pastBalances(t *testing.T, r Rig) {
	e := r.Open(t)
	till, energy := account(ledger.Till, "main"), account(ledger.RevenueEnergy, "")
	times := []time.Time{time.Now().Add(-time.Second)}
	for i := range 5 {
		must(t, e, func(tx *store.Tx) error { return book(tx, fmt.Sprint(i), till, energy, 100) })
		if i == 2 {
			r.seal(t, e)
		}
		later()
		times = append(times, time.Now())
	}
	for i, when := range append(times, time.Now().Add(time.Hour)) {
		want := ledger.Minor(min(i, 5)) * 100
		got := look(t, e, func(tx *store.Tx) ([2]ledger.Minor, error) {
			a, err := tx.BalanceAt(till, when)
			b, e := tx.BalanceAt(energy, when)
			return [2]ledger.Minor{a, b}, firstError(err, e)
		})
		if got != [2]ledger.Minor{want, -want} {
			t.Errorf("after %d sales till and revenue held %v, want %d and %d", i, got, want, -want)
		}
	}
	if got := look(t, e, func(tx *store.Tx) (ledger.Minor, error) { return tx.BalanceAt(account(ledger.Bank, "x"), times[1]) }); got != 0 {
		t.Errorf("an account that was never opened held %d", got)
	}
}

func journalSearch(t *testing.T, r Rig) {
	e := r.Open(t)
	till, energy, bank := account(ledger.Till, "main"), account(ledger.RevenueEnergy, ""), account(ledger.Bank, "b")
	for i := range 3 {
		must(t, e, func(tx *store.Tx) error { return book(tx, fmt.Sprint("sale-", i), till, energy, 100) })
	}
	must(t, e, func(tx *store.Tx) error { return book(tx, "banked", bank, till, 100) })
	for _, c := range []struct {
		filter report.JournalFilter
		max    int
		want   int
	}{
		{report.JournalFilter{}, 10, 4}, {report.JournalFilter{}, 2, 2}, {report.JournalFilter{Account: &energy}, 10, 3}, {report.JournalFilter{Account: &till}, 10, 4},
		{report.JournalFilter{Account: &ledger.AccountRef{Code: ledger.Bank, Subject: "other"}}, 10, 0}, {report.JournalFilter{Ref: "sale-1"}, 10, 1},
	} {
		got := look(t, e, func(tx *store.Tx) ([]ledger.Journal, error) { return tx.Journals(c.filter, id.ID{}, c.max) })
		if len(got) != c.want {
			t.Errorf("%+v: %d journals, want %d", c.filter, len(got), c.want)
		}
		for _, j := range got {
			if len(j.Postings) != 2 {
				t.Errorf("a journal came with %d lines", len(j.Postings))
			}
		}
	}
	accounts := look(t, e, func(tx *store.Tx) ([]report.Account, error) { return tx.LedgerAccounts(0, 0, 10) })
	var total money.Minor
	for _, a := range accounts {
		total += a.Balance
	}
	one := look(t, e, func(tx *store.Tx) ([]report.Account, error) { return tx.LedgerAccounts(ledger.Till, 0, 10) })
	if len(accounts) != 3 || total != 0 || len(one) != 1 || one[0].Balance != 200 {
		t.Errorf("accounts %+v with total %d, the till %+v", accounts, total, one)
	}
}
