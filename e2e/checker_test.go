package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// The checker is separate from the product: it opens the database with its own SQL and compares it with the book of acknowledgements.
// It returns findings in plain sentences. Without a finding, every promise was kept.
func (w *world) check(t *testing.T) []string {
	t.Helper()
	found := append([]string(nil), w.problems...)
	db := w.books(t)
	defer db.Close()
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if f, ok := db.(file); ok {
		if got := text(t, f.Conn, "PRAGMA integrity_check"); got != "ok" {
			add("integrity_check: %s", got)
		}
	}
	checkSums(t, db, add)
	w.checkSales(t, db, add)
	w.checkReadings(t, db, add)
	w.checkMeters(t, db, add)
	if out, errOut, code := w.p.try("", "verify", "--data", w.p.dir); code != 0 {
		add("paywatt verify: exit %d: %s %s", code, out, errOut)
	}
	return found
}

func openDatabase(t *testing.T, dir string) *sqlite.Conn {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil || len(names) != 1 {
		t.Fatalf("database files in %s: %v %v", dir, names, err)
	}
	db, err := sqlite.OpenConn(names[0], sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// rows runs a query and passes every row of the result to a function.
func rows(t *testing.T, db *sqlite.Conn, sql string, each func(*sqlite.Stmt), args ...any) {
	t.Helper()
	err := sqlitex.Execute(db, sql, &sqlitex.ExecOptions{Args: args, ResultFunc: func(s *sqlite.Stmt) error { each(s); return nil }})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func text(t *testing.T, db *sqlite.Conn, sql string, args ...any) (out string) {
	t.Helper()
	rows(t, db, sql, func(s *sqlite.Stmt) { out = s.ColumnText(0) }, args...)
	return out
}

func number64(t *testing.T, db *sqlite.Conn, sql string, args ...any) (out int64) {
	t.Helper()
	rows(t, db, sql, func(s *sqlite.Stmt) { out = s.ColumnInt64(0) }, args...)
	return out
}

// checkSums: the ledger balances, each sale has one journal and at least one token, and each token belongs to a sale with a
// journal.
func checkSums(t *testing.T, db books, add func(string, ...any)) {
	t.Helper()
	if n := oneOf(t, db, "SELECT coalesce(sum(amount),0) FROM posting"); n != 0 {
		add("the sum of all postings is %d, not 0", n)
	}
	for _, q := range []struct{ what, sql string }{
		{"journals do not sum to 0", "SELECT count(*) FROM (SELECT journal_id FROM posting GROUP BY tenant_id, journal_id HAVING sum(amount) <> 0) j"},
		{"journals have no postings", "SELECT count(*) FROM journal j WHERE NOT EXISTS (SELECT 1 FROM posting p WHERE p.journal_id = j.id)"},
		{"kept balances differ from their postings", `SELECT count(*) FROM ledger_account a WHERE limited = 1 AND balance <>
			(SELECT coalesce(sum(p.amount),0) FROM posting p WHERE p.tenant_id = a.tenant_id AND p.account = a.n)`},
		{"completed sales have no token", "SELECT count(*) FROM vend v WHERE state = 'completed' AND NOT EXISTS (SELECT 1 FROM token k WHERE k.vend_id = v.id)"},
		{"tokens belong to no completed sale", "SELECT count(*) FROM token k WHERE digits_enc IS NOT NULL AND NOT EXISTS (SELECT 1 FROM vend v WHERE v.id = k.vend_id AND v.state = 'completed')"},
		{"sales were left unfinished", "SELECT count(*) FROM vend WHERE state IN ('priced','held','issued')"},
		{"TIDs were given twice", "SELECT count(*) FROM (SELECT 1 FROM token GROUP BY meter_key_id, tid HAVING count(*) > 1) k"},
		{"holds are still open", "SELECT count(*) FROM hold WHERE status = 'open'"},
		{"sales whose lines do not sum to the tender", "SELECT count(*) FROM vend v WHERE state = 'completed' AND tender <> (SELECT sum(amount) FROM vend_line l WHERE l.vend_id = v.id)"},
	} {
		if n := oneOf(t, db, q.sql); n != 0 {
			add("%d %s", n, q.what)
		}
	}
	sales := oneOf(t, db, "SELECT count(*) FROM vend WHERE state = 'completed'")
	if journals := oneOf(t, db, "SELECT count(*) FROM journal WHERE kind = 'vend'"); journals != sales {
		add("%d completed sales, %d sale journals", sales, journals)
	}
}

// checkSales: every acknowledged sale is there, once, with the units of its answer.
func (w *world) checkSales(t *testing.T, db books, add func(string, ...any)) {
	t.Helper()
	type row struct{ tender, units int64 }
	stored := map[string]row{}
	db.each(t, "SELECT client_ref, tender, units_wh, state FROM vend", func(s tuple) {
		if s.text(3) == "completed" {
			stored[s.text(0)] = row{s.num(1), s.num(2)}
		}
		if w.asked[s.text(0)] == "" {
			add("sale %s was never asked for", s.text(0))
		}
	})
	digits := map[string]string{}
	for _, s := range w.sold {
		got, ok := stored[s.key]
		switch {
		case !ok:
			add("acknowledged sale %s is lost", s.key)
		case got.tender != s.minor || got.units != s.units:
			add("sale %s: stored %+v, acknowledged %d minor for %d Wh", s.key, got, s.minor, s.units)
		}
		if before, twice := digits[s.digits]; twice {
			add("sales %s and %s have the same token", before, s.key)
		}
		digits[s.digits] = s.key
	}
}

// checkReadings: each acknowledged reading of a raw meter is stored exactly once, with its own register.
func (w *world) checkReadings(t *testing.T, db books, add func(string, ...any)) {
	t.Helper()
	for _, r := range w.raws {
		n := oneOf(t, db, "SELECT n FROM meter WHERE number = ?", r.number)
		seen := map[int64]int64{}
		db.each(t, "SELECT seq, register_wh FROM reading WHERE meter = ?", func(s tuple) {
			if _, twice := seen[s.num(0)]; twice {
				add("reading %d of meter %s is stored twice", s.num(0), r.number)
			}
			seen[s.num(0)] = s.num(1)
		}, n)
		lost := 0
		for seq := int64(1); seq <= int64(r.acked); seq++ {
			if register, ok := seen[seq]; !ok || register != seq {
				lost++
			}
		}
		if lost > 0 {
			add("meter %s: %d of %d acknowledged readings are lost", r.number, lost, r.acked)
		}
	}
}

// checkMeters: every sold token was credited exactly once, and the server knows everything that the meter knows.
func (w *world) checkMeters(t *testing.T, db books, add func(string, ...any)) {
	t.Helper()
	for _, m := range w.meters {
		// All energy ever credited is in the balance or was used. A power cut
		// that sets the register back sets the balance back to the same moment.
		credited := m.last.BalanceWh + m.last.RegisterWh - m.last.OverrunWh
		sold := oneOf(t, db, `SELECT coalesce(sum(k.units_wh),0) FROM token k JOIN meter m ON m.n = k.meter
			WHERE m.number = ? AND k.digits_enc IS NOT NULL`, m.number)
		if credited != sold {
			add("meter %s was credited %d Wh, sold were %d Wh", m.number, credited, sold)
		}
		db.each(t, `SELECT l.register_wh, l.balance_wh FROM meter_live l JOIN meter m ON m.n = l.meter WHERE m.number = ?`,
			func(s tuple) {
				if s.num(0) != m.last.RegisterWh || s.num(1) != m.last.BalanceWh {
					add("meter %s says register %d balance %d, the server %d and %d", m.number,
						m.last.RegisterWh, m.last.BalanceWh, s.num(0), s.num(1))
				}
			}, m.number)
		if n := oneOf(t, db, `SELECT count(*) FROM token k JOIN meter m ON m.n = k.meter WHERE m.number = ?
			AND k.digits_enc IS NOT NULL AND k.state <> 'accepted'`, m.number); n != 0 {
			add("meter %s: %d tokens are in the meter and not known as accepted", m.number, n)
		}
	}
}
