package sqlite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	zombie "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

func verify(t *testing.T, dir string) *store.Report {
	t.Helper()
	r, err := sqlite.Verify(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func figure(r *store.Report, name string) int64 {
	for _, f := range r.Figures {
		if f.Name == name {
			return f.N
		}
	}
	return -1
}

// shop makes a folder with some sales in it, closed.
func shop(t *testing.T, sales int64) string {
	t.Helper()
	dir := t.TempDir()
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	stock(t, e, 7)
	for n := range sales {
		sell(t, e, sale(n+1, 7))
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyDir copies the plain files of a folder.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// edit changes a database behind the server's back.
func edit(t *testing.T, dir, sql string) {
	t.Helper()
	c, err := zombie.OpenConn(filepath.Join(dir, "paywatt.db"), zombie.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	before := c.Changes()
	if err := sqlitex.ExecuteScript(c, sql, nil); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if c.Changes() == before {
		t.Fatalf("%s: changed nothing", sql)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsNothingWhereNothingIsWrong(t *testing.T) {
	r := verify(t, shop(t, 40))
	for _, f := range r.Findings {
		t.Errorf("%s: %s", f.Rule, f.What)
	}
	for name, want := range map[string]int64{"journals": 40, "postings": 160, "sum of all postings": 0, "sales": 40, "tokens": 40,
		"receipts": 40, "audit rows": 41, "sealed rows": 81, "signed heads": 41, "account months": 7, "accounts": 10,
		"rows with evidence": 14, "stored answers": 40} {
		if got := figure(r, name); got != want {
			t.Errorf("%s = %d, want %d", name, got, want)
		}
	}
}

// insiderEdits are what somebody with the database and without the signing key might try.
func insiderEdits() []string {
	var edits []string
	one := func(table, set string) string {
		key := map[string]string{"journal": "id", "audit": "id", "vend": "id", "token": "id", "posting": "journal_id", "seal": "n", "seal_leaf": "pos",
			"seal_hash": "idx", "ledger_account": "n", "vend_line": "vend_id", "usage_month": "account_id", "meter_key": "id", "counter": "name", "rollup": "seal_n"}[table]
		return fmt.Sprintf(`UPDATE %s SET %s WHERE %s = (SELECT %s FROM %s ORDER BY %s DESC LIMIT 1 OFFSET 3)`, table, set, key, key, table, key)
	}
	for _, set := range []string{`ref = 'vnd_x'`, `kind = 'reversal'`, `memo = 'x'`, `posted_at = posted_at + 1`, `leaf = zeroblob(32)`, `seal_n = seal_n - 1`,
		`seal_n = NULL`, `reverses = randomblob(16)`, `id = zeroblob(16)`} {
		edits = append(edits, one("journal", set))
	}
	for _, set := range []string{`actor = 'somebody else'`, `action = 'meter.add'`, `at = at - 1`, `reason = 'x'`, `single_person = 1`, `ip = '::1'`,
		`object = ''`, `before = 'x'`, `after = 'x'`, `leaf = zeroblob(32)`, `seal_n = NULL`} {
		edits = append(edits, one("audit", set))
	}
	for _, table := range []string{"journal", "audit", "posting", "seal", "seal_leaf", "seal_hash", "vend", "vend_line", "token"} {
		edits = append(edits, fmt.Sprintf(`DELETE FROM %s WHERE (tenant_id, %s) IN (SELECT tenant_id, %s FROM %s ORDER BY 2 DESC LIMIT 1)`, table,
			map[string]string{"posting": "journal_id", "seal": "n", "seal_leaf": "pos", "seal_hash": "idx", "vend_line": "vend_id"}[table]+
				map[bool]string{true: "id"}[table == "journal" || table == "audit" || table == "vend" || table == "token"],
			map[string]string{"posting": "journal_id", "seal": "n", "seal_leaf": "pos", "seal_hash": "idx", "vend_line": "vend_id"}[table]+
				map[bool]string{true: "id"}[table == "journal" || table == "audit" || table == "vend" || table == "token"], table))
	}
	edits = append(edits,
		`UPDATE posting SET amount = amount + 100 WHERE seq = 0 AND journal_id = (SELECT MAX(id) FROM journal)`,
		`UPDATE posting SET amount = amount + CASE seq WHEN 0 THEN 100 ELSE -100 END WHERE seq < 2 AND journal_id = (SELECT MAX(id) FROM journal)`,
		`UPDATE posting SET account = 1 + account % 3 WHERE journal_id = (SELECT MIN(id) FROM journal)`,
		`UPDATE posting SET listed = 1 - listed WHERE seq = 0 AND journal_id = (SELECT MAX(id) FROM journal)`,
		`UPDATE posting SET seq = 9 WHERE seq = 3 AND journal_id = (SELECT MIN(id) FROM journal)`,
		`UPDATE ledger_account SET balance = balance - 5000 WHERE code = 1000`,
		`UPDATE ledger_account SET subject = 'mine' WHERE code = 1000`,
		`UPDATE ledger_account SET code = 1010 WHERE code = 1000`,
		`UPDATE ledger_account SET limited = 0, floor = NULL WHERE code = 1000`,
		`UPDATE ledger_account SET held = 5 WHERE code = 1000`,
		`UPDATE rollup SET balance = balance + 1 WHERE seal_n = 5`,
		`DELETE FROM rollup WHERE seal_n = 5`,
		`UPDATE seal SET root = zeroblob(32) WHERE n = 3`,
		`UPDATE seal SET head = replace(head, 'epoch 1', 'epoch 0') WHERE n = 3`,
		`UPDATE seal SET head = (SELECT head FROM seal WHERE n = 2) WHERE n = 3`,
		`UPDATE seal_leaf SET leaf = zeroblob(32) WHERE pos = 4`,
		`UPDATE seal_hash SET hash = zeroblob(32)`,
		`UPDATE vend SET tender = 5000 WHERE receipt_no = 'main-000003'`,
		`UPDATE vend SET state = 'failed' WHERE receipt_no = 'main-000003'`,
		`UPDATE vend SET units_wh = 99000 WHERE receipt_no = 'main-000003'`,
		`UPDATE vend SET receipt_no = 'main-000999' WHERE receipt_no = 'main-000003'`,
		`UPDATE usage_month SET units_wh = 0 WHERE account_id = (SELECT MIN(account_id) FROM usage_month)`,
		`UPDATE token SET units_wh = 1600000 WHERE tid = 4`,
		`UPDATE token SET tid = 99 WHERE tid = 4`,
		`UPDATE token SET vend_id = NULL WHERE tid = 4`,
		`INSERT INTO token (tenant_id, id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, digits_enc, state, issued_at, created_at)
			SELECT tenant_id, zeroblob(16), meter, meter_key_id, 1000, base_date, 0, 0, 0, 34700, digits_enc, 'issued', issued_at, created_at FROM token LIMIT 1`,
		`INSERT INTO token_report (tenant_id, meter, store, seq, at, received_at, tid, base_date, class, subclass, result, units_wh)
			VALUES (1, 1, 's', 1, 1, 1, 77, 2014, 0, 0, 'accept', 34700)`,
		`INSERT INTO journal (tenant_id, id, kind, ref, posted_at, leaf, seal_n) SELECT tenant_id, zeroblob(16), 'x', '', posted_at, leaf, seal_n FROM journal LIMIT 1`,
		`INSERT INTO audit (tenant_id, id, at, actor, action, leaf, seal_n) SELECT tenant_id, zeroblob(16), at, actor, action, leaf, seal_n FROM audit LIMIT 1`,
		`DELETE FROM seal WHERE n > 10; DELETE FROM seal_leaf WHERE pos >= 20; DELETE FROM seal_hash; DELETE FROM journal WHERE seal_n > 10; DELETE FROM audit WHERE seal_n > 10`,
	)
	return edits
}

func TestVerifyFindsEveryEditBehindTheServersBack(t *testing.T) {
	dir := shop(t, 20)
	edits := insiderEdits()
	for _, sql := range edits {
		changed := copyDir(t, dir)
		edit(t, changed, sql)
		if r := verify(t, changed); r.Sound() && len(r.Notices) == 0 {
			t.Errorf("not found: %s", sql)
		}
	}
	t.Logf("figures: %d edits, all found", len(edits))
}

// ledgerDump is the content of the books, to tell whether a flipped bit changed any of it.
func ledgerDump(t *testing.T, dir string) (string, error) {
	t.Helper()
	c, err := zombie.OpenConn(filepath.Join(dir, "paywatt.db"), zombie.OpenReadWrite)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	var b strings.Builder
	for _, q := range []string{
		`SELECT tenant_id, hex(id), kind, ref, posted_at, hex(reverses), memo, hex(leaf), seal_n FROM journal ORDER BY tenant_id, id`,
		`SELECT tenant_id, hex(journal_id), seq, account, amount, listed FROM posting ORDER BY tenant_id, journal_id, seq`,
		`SELECT tenant_id, n, code, subject, limited, balance, held FROM ledger_account ORDER BY tenant_id, n`,
		`SELECT tenant_id, hex(id), at, actor, ip, action, object, before, after, reason, single_person, hex(leaf), seal_n FROM audit ORDER BY tenant_id, id`,
		`SELECT tenant_id, n, first, last, hex(root), head, at FROM seal ORDER BY tenant_id, n`,
		`SELECT tenant_id, pos, kind, hex(id), hex(leaf) FROM seal_leaf ORDER BY tenant_id, pos`,
		`SELECT tenant_id, idx, hex(hash) FROM seal_hash ORDER BY tenant_id, idx`,
		`SELECT tenant_id, account, seal_n, balance FROM rollup ORDER BY tenant_id, account, seal_n`,
		`SELECT tenant_id, hex(id), vendor_key, client_ref, hex(order_hash), meter, hex(meter_key_id), hex(account_id), hex(payment_id), till, mode, state,
			currency, tender, carry_in, carry_out, units_wh, free_wh, month, mtd_before_wh, hex(tariff_version_id), asked, deliver, receipt_no, failure,
			hex(reverses), by_actor, priced_at, completed_at, created_at FROM vend ORDER BY tenant_id, id`,
		`SELECT tenant_id, hex(vend_id), seq, kind, ref, amount, vat, units_wh, rate_micro, steps_json, label, left_after FROM vend_line ORDER BY 1, 2, 3`,
		`SELECT tenant_id, hex(id), hex(vend_id), hex(job_id), meter, hex(meter_key_id), tid, base_date, class, subclass, rnd, units_wh, hex(digits_enc),
			hex(digits_hash), state, issued_at, answered_at, result, created_at FROM token ORDER BY tenant_id, id`,
	} {
		err := sqlitex.ExecuteTransient(c, q, &sqlitex.ExecOptions{ResultFunc: func(s *zombie.Stmt) error {
			for k := range s.ColumnCount() {
				b.WriteString(s.ColumnText(k))
				b.WriteByte('|')
			}
			b.WriteByte('\n')
			return nil
		}})
		if err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// bookPages are the pages of the file on which the books stand.
func bookPages(t *testing.T, dir string) (pages []int) {
	t.Helper()
	c, err := zombie.OpenConn(filepath.Join(dir, "paywatt.db"), zombie.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	err = sqlitex.ExecuteTransient(c, `SELECT pageno FROM dbstat WHERE name IN ('journal', 'posting', 'ledger_account', 'audit', 'seal',
		'seal_leaf', 'seal_hash', 'rollup', 'vend', 'vend_line', 'token')`, &sqlitex.ExecOptions{ResultFunc: func(s *zombie.Stmt) error {
		pages = append(pages, s.ColumnInt(0))
		return nil
	}})
	if err != nil || c.Close() != nil {
		t.Fatal(err)
	}
	return pages
}

// difference is the first line in which two dumps differ, in both forms.
func difference(a, b string) string {
	other := strings.Split(b, "\n")
	for i, line := range strings.Split(a, "\n") {
		if i >= len(other) || other[i] != line {
			return fmt.Sprintf("line %d was %q, is %q", i, line, append(other, "")[min(i, len(other))])
		}
	}
	return "more lines"
}

func TestVerifyFindsEveryFlippedBitOfTheBooks(t *testing.T) {
	const flips = 300 / slow
	dir := shop(t, 30)
	pages := bookPages(t, dir)
	clean, err := ledgerDump(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "paywatt.db")
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(7, 11))
	changed, found, elsewhere := 0, 0, 0
	for tries := 0; changed < flips && tries < 20*flips; tries++ {
		at, bit := (pages[rnd.IntN(len(pages))]-1)*4096+rnd.IntN(4096), rnd.IntN(8)
		flipped := append([]byte(nil), original...)
		flipped[at] ^= 1 << bit
		if err := os.WriteFile(file, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		dump, broken := ledgerDump(t, dir)
		if broken == nil && dump == clean {
			elsewhere++ // free space, or a row's version
			continue
		}
		changed++
		r, err := sqlite.Verify(context.Background(), dir)
		if err != nil || !r.Sound() {
			found++
		} else {
			t.Errorf("bit %d of byte %d (page %d) changed the books and was not found: %v: %s", bit, at, at/4096+1, broken, difference(clean, dump))
		}
	}
	t.Logf("figures: %d flips that changed ledger, sales, tokens, audit or seals, %d found; %d more changed none of it", changed, found, elsewhere)
	if changed < flips/2 {
		t.Errorf("only %d flips changed anything: the test looks at the wrong bytes", changed)
	}
}

func TestVerifyFindsADatabaseThatWasSwappedForAnOlderCopy(t *testing.T) {
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: -1})
	stock(t, e, 7)
	sell(t, e, sale(1, 7))
	old := filepath.Join(t.TempDir(), "old")
	if _, err := sqlite.Backup(context.Background(), dir, old, fixed); err != nil {
		t.Fatal(err)
	}
	sell(t, e, sale(2, 7))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(old, "paywatt.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "paywatt.db"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	r := verify(t, dir)
	if len(r.Findings) != 1 || !strings.Contains(r.Findings[0].What, "swapped or cut back") {
		t.Errorf("findings %v, want the head that is kept outside", r.Findings)
	}
	keepHeads(t, dir, old)
}

// keepHeads: who takes the whole folder back to yesterday, its log of heads as well, is found out by a head that somebody
// else kept, in whichever form; so is who changes the key.
func keepHeads(t *testing.T, dir, old string) {
	t.Helper()
	heads, err := os.ReadFile(filepath.Join(dir, headlog.File))
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "kept.log")
	var lines []string
	for line := range strings.Lines(string(heads)) {
		var l struct{ Note string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l.Note)
	}
	printed := filepath.Join(t.TempDir(), "printed.txt")
	if err := errors.Join(os.WriteFile(kept, heads, 0o600), os.WriteFile(printed, []byte(lines[len(lines)-1]), 0o600),
		os.Remove(filepath.Join(dir, headlog.File))); err != nil {
		t.Fatal(err)
	}
	yesterday, err := os.ReadFile(filepath.Join(old, headlog.File))
	if err != nil {
		yesterday = heads[:strings.Index(string(heads), "\n")+1] // a copy brings none: yesterday's had the first line
	}
	if err := os.WriteFile(filepath.Join(dir, headlog.File), yesterday, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    headlog.Outside
		want string
	}{
		{"nothing", headlog.Outside{}, ""},
		{"a copy of the log of heads", headlog.Outside{Heads: kept}, "swapped or cut back"},
		{"one printed head", headlog.Outside{Heads: printed}, "swapped or cut back"},
		{"another key", headlog.Outside{Public: "paywatt-x+00000000+AAAA"}, "was kept: whoever changed the key"},
		{"a file of something else", headlog.Outside{Heads: filepath.Join(dir, headlog.KeyFile)}, "no head signed by this store's key"},
	} {
		r, err := sqlite.VerifyWith(context.Background(), dir, c.o)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if c.want == "" && !r.Sound() || c.want != "" && (r.Sound() || !strings.Contains(r.Findings[0].What+r.Findings[len(r.Findings)-1].What, c.want)) {
			t.Errorf("against %s: %v, want %q", c.name, r.Findings, c.want)
		}
	}
}
