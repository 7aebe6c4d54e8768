package imports_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

// killed is a file of a kind. Each of its rows adds another figure to count, so that no other rows make the same.
type killed struct {
	kind  imports.Kind
	file  string
	rows  int   // that can be imported
	made  int64 // count once all rows are imported
	count func(*world) int64
}

// debtsMade is the money that is owed, and balancesMade the money that was brought from another system.
func debtsMade(w *world) int64 {
	return w.number(`SELECT COALESCE(SUM(outstanding), 0) FROM debt WHERE {tenant}`)
}

func balancesMade(w *world) int64 {
	return -w.number(`SELECT COALESCE(SUM(p.amount), 0) FROM posting p JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
		WHERE p.{tenant} AND (a.code = $2 OR a.code = $3)`, int64(ledger.Wallet), int64(ledger.Carry))
}

func customersMade(w *world) int64 {
	return w.number(`SELECT COUNT(*) FROM customer WHERE {tenant} AND flags = '' AND name LIKE 'Twin%'`) +
		100*w.number(`SELECT COUNT(*) FROM customer WHERE {tenant} AND flags = '' AND name LIKE 'Amina%'`)
}

// metersMade counts a meter only with its customer, its account and its tariff.
func metersMade(w *world) int64 {
	return w.number(`SELECT COUNT(*) FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
		JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id AND c.flags = ''
		WHERE m.{tenant} AND m.status <> $2 AND c.name LIKE 'New%'`, string(registry.Removed)) +
		100*w.number(`SELECT COUNT(*) FROM customer WHERE {tenant} AND flags = '' AND name LIKE 'New%'`)
}

// files returns a file of each kind. Each has a row that is refused.
func (w *world) files() []killed {
	n := w.meters(1, 3)
	return []killed{
		{imports.Customers, "name,phone\nTwin,+254700000001\nTwin,+254700000001\nAmina,\nJoy,12\n", 3, 102, customersMade},
		{imports.Debts, fmt.Sprintf("account,amount,kind\n%s,1,loan\n%s,20,fine\n%s,300,\n%s,-1,\n", n[0], n[0], n[1], n[2]), 3, 32100, debtsMade},
		{imports.Balances, fmt.Sprintf("account,amount\n%s,1\n%s,20\n%s,300\n%s,4000\n", n[0], n[1], n[2], meterNumber(999)), 3, 32100, balancesMade},
		{imports.Meters, fmt.Sprintf("number,name\n%s,New 1\n%s,New 2\n04140000009,New 3\n", meterNumber(11), meterNumber(12)), 2, 202, metersMade},
	}
}

// whole checks that each row has a result if and only if what it makes is there.
func (w *world) whole(k killed, when string) (rows int64) {
	w.t.Helper()
	rows = w.number(`SELECT COUNT(*) FROM import_line l JOIN import i ON i.tenant_id = l.tenant_id AND i.id = l.import_id WHERE l.{tenant} AND l.state = 'ok' AND i.kind = $2`, string(k.kind))
	if k.kind == imports.Meters {
		rows -= 3 // those of the other files
	}
	objects := map[imports.Kind]string{
		imports.Customers: `SELECT COUNT(*) FROM customer WHERE {tenant} AND flags = '' AND (name LIKE 'Twin%' OR name LIKE 'Amina%')`,
		imports.Debts:     `SELECT COUNT(*) FROM debt WHERE {tenant} AND outstanding > 0`,
		imports.Balances:  `SELECT COUNT(*) FROM journal j WHERE j.{tenant} AND j.kind = 'opening' AND j.reverses IS NULL AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.tenant_id = j.tenant_id AND r.reverses = j.id)`,
		imports.Meters:    `SELECT COUNT(*) FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id AND c.flags = '' WHERE m.{tenant} AND c.name LIKE 'New%'`,
	}[k.kind]
	if n := w.number(objects); n != rows {
		w.t.Errorf("%s: %d rows have the result ok, and there are %d %s", when, rows, n, k.kind)
	}
	return rows
}

// attempt imports and undoes a file, and is killed at one moment of each. It reports how often it was killed.
func (w *world) attempt(k killed, write, commit int) (kills int) {
	w.t.Helper()
	when := fmt.Sprintf("%s, killed before write %d or after commit %d", k.kind, write, commit)
	key := fmt.Sprintf("%s-%d-%d", k.kind, write, commit)
	again := "" // a program sends the file again under the same key, a person under another one
	if (write+commit)%2 == 0 {
		again = " again"
	}
	w.engine.Kill(write, commit)
	out, err := w.apply(k.kind, k.file, key)
	if w.engine.Revive() {
		kills++
		if !errors.Is(err, storetest.ErrKilled) {
			w.t.Errorf("%s: the import ends with %v", when, err)
		}
		w.whole(k, when)
		if out, err = w.apply(k.kind, k.file, key+again); out.Totals()[imports.Duplicate] == k.rows { // only its last answer was lost
			out, err = w.apply(k.kind, k.file, key)
		}
	}
	if n := out.Totals(); err != nil || out.Refused() || n[imports.Done] != k.rows || n[imports.Failed] != 1 {
		w.t.Fatalf("%s: repeated: %v %s %v", when, err, out.Detail(), n)
	}
	if got := k.count(w); got != k.made || w.whole(k, when) != int64(k.rows) {
		w.t.Fatalf("%s: repeated, the rows made %d, want %d", when, got, k.made)
	}
	name := out.Import.ID.Text(id.Import)
	w.engine.Kill(write, commit)
	_, err = w.Undo(w.t.Context(), w.by, name)
	if w.engine.Revive() {
		kills++
		if !errors.Is(err, storetest.ErrKilled) {
			w.t.Errorf("%s: the undoing ends with %v", when, err)
		}
		w.whole(k, when+", undone")
	}
	out, err = w.Undo(w.t.Context(), w.by, name) // also if it was not killed: an undoing can be repeated
	if err != nil || out.Refused() || out.Totals()[imports.Undone] != k.rows || out.Import.UndoneAt.IsZero() {
		w.t.Fatalf("%s: undone again: %v %s %v", when, err, out.Detail(), out.Totals())
	}
	if got := k.count(w); got != 0 || w.whole(k, when+", undone") != 0 {
		w.t.Fatalf("%s: undone, the rows leave %d", when, got)
	}
	if k.kind == imports.Debts {
		w.takenBack(out)
	}
	return kills
}

// takenBack checks that the debts of an import that was undone say so, and not that somebody wrote them off.
func (w *world) takenBack(out imports.Result) {
	w.t.Helper()
	w.do(func(tx *store.Tx) error {
		for _, l := range out.Lines {
			if l.State != imports.Undone {
				continue
			}
			if d, found, err := tx.Debt(l.Object); err != nil || !found || d.State() != debt.TakenBack || d.Outstanding != 0 {
				w.t.Errorf("a debt that was taken back is %q with %d outstanding (%t, %v)", d.State(), d.Outstanding, found, err)
			}
		}
		return nil
	})
}

// engines are the engines of these tests. PostgreSQL takes ten times as long, so there only some writes are tried.
var engines = []struct {
	name       string
	onPostgres bool
	step       int
}{{"SQLite", false, 1}, {"PostgreSQL", true, 7}}

// TestAnImportKilledAnywhereIsWhole kills the server before each write and after each commit of an import and of its undoing, of each kind
// of file and on both engines, and repeats what was killed. Nothing is there twice and nothing by half, and all books verify.
func TestAnImportKilledAnywhereIsWhole(t *testing.T) {
	tier.Slow(t)
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			if e.onPostgres {
				tier.Long(t)
			}
			w := newWorld(t, e.onPostgres)
			for _, k := range w.files() {
				writes, commits := storetest.EveryMoment(e.step, func(write, commit int) int { return w.attempt(k, write, commit) })
				if writes < 20/e.step || commits < 4 {
					t.Errorf("%s: killed before %d writes and after %d commits", k.kind, writes, commits)
				}
				t.Logf("figures: %s: killed before %d writes and after %d commits", k.kind, writes, commits)
			}
		})
	}
}

// approved decides what waits for a second person, and is killed at one moment of that.
func (w *world) approved(second access.Actor, waits *access.Approval, write, commit int) (killed bool, err error) {
	w.t.Helper()
	if waits == nil {
		w.t.Fatal("the file waits for nobody")
	}
	w.engine.Kill(write, commit)
	_, err = w.access.Decide(w.t.Context(), second, waits.ID.Text(id.Approval), access.Decision{Allow: true, Reason: ""})
	killed = w.engine.Revive()
	if killed != errors.Is(err, storetest.ErrKilled) {
		w.t.Errorf("killed before write %d or after commit %d, the approval ends with %v", write, commit, err)
	}
	if killed { // if the approval is not used up, the second person approves once more
		_, err = w.access.Decide(w.t.Context(), second, waits.ID.Text(id.Approval), access.Decision{Allow: true, Reason: ""})
	}
	return killed, err
}

// attemptApproved does what attempt does, where both the import and its undoing wait for a second person.
func (w *world) attemptApproved(k killed, second access.Actor, write, commit int) (kills int) {
	w.t.Helper()
	when := fmt.Sprintf("approved %s, killed before write %d or after commit %d", k.kind, write, commit)
	out, err := w.apply(k.kind, k.file, when)
	if err != nil || out.Refused() || out.Totals()[imports.Waiting] != k.rows || k.count(w) != 0 {
		w.t.Fatalf("%s: %v %s %v", when, err, out.Detail(), out.Totals())
	}
	name := out.Import.ID.Text(id.Import)
	killed, err := w.approved(second, out.Waits, write, commit)
	if killed {
		kills++
	}
	w.whole(k, when)
	if err != nil {
		w.t.Fatalf("%s: approved again: %v", when, err)
	}
	if out, err = w.apply(k.kind, k.file, when); err != nil || out.Refused() || out.Totals()[imports.Done] != k.rows || k.count(w) != k.made || w.whole(k, when) != int64(k.rows) {
		w.t.Fatalf("%s: sent again: %v %s %v, the rows made %d", when, err, out.Detail(), out.Totals(), k.count(w))
	}
	if out, err = w.Undo(w.t.Context(), w.by, name); err != nil || out.Refused() || k.count(w) != k.made {
		w.t.Fatalf("%s: undone: %v %s", when, err, out.Detail())
	}
	if killed, err = w.approved(second, out.Waits, write, commit); killed {
		kills++
	}
	w.whole(k, when+", undone")
	if err != nil {
		w.t.Fatalf("%s: the undoing approved again: %v", when, err)
	}
	if out, err = w.Undo(w.t.Context(), w.by, name); err != nil || out.Refused() || out.Waits != nil || k.count(w) != 0 || w.whole(k, when+", undone") != 0 {
		w.t.Fatalf("%s: undone again: %v %s, the rows leave %d", when, err, out.Detail(), k.count(w))
	}
	return kills
}

// TestAnApprovedImportKilledAnywhereIsWhole is the same for files that a second person approves: exactly the approved rows are booked, once.
func TestAnApprovedImportKilledAnywhereIsWhole(t *testing.T) {
	tier.Slow(t)
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			if e.onPostgres {
				tier.Long(t)
			}
			if !tier.IsLong() {
				e.step *= 4 // the writes of the import itself are those of TestAnImportKilledAnywhereIsWhole
			}
			w := newWorld(t, e.onPostgres)
			all := w.files()
			second := w.owner()
			w.do(func(tx *store.Tx) error {
				return tx.BindFourEyes([]access.Right{access.ActImportDebts.Right(), access.ActImportBalances.Right(), access.ActImportUndo.Right()})
			})
			debts, balances := all[1], all[2]
			debts.file, debts.made = strings.NewReplacer(",1,", ",1000000,", ",20,", ",20000,").Replace(debts.file), 102_030_000 // above the ceiling of one person
			for _, k := range []killed{debts, balances} {
				writes, commits := storetest.EveryMoment(e.step, func(write, commit int) int { return w.attemptApproved(k, second, write, commit) })
				if writes < 30/e.step || commits < 4 {
					t.Errorf("%s: killed before %d writes and after %d commits", k.kind, writes, commits)
				}
				t.Logf("figures: %s: killed before %d writes and after %d commits", k.kind, writes, commits)
			}
		})
	}
}
