package sqlite_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	zombie "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

// update rewrites the lists of edits made outside the server, with the rules that find each edit, and schema.sql. Check the
// difference before you commit it.
var update = flag.Bool("update", false, "write testdata/edits*.txt anew, and schema.sql")

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

// shop makes a folder with some sales and closes its database.
func shop(t *testing.T, sales int64) string {
	t.Helper()
	dir := t.TempDir()
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	stock(t, e, 7)
	for n := range sales {
		sell(t, e, sellOne(n+1, 7))
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

// edit changes a database outside the server.
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
	tier.World(t)
	r := verify(t, shop(t, 40))
	for _, f := range r.Findings {
		t.Errorf("%s: %s", f.Rule, f.What)
	}
	for name, want := range map[string]int64{"journals": 40, "postings": 160, "sum of all postings": 0, "sales": 40, "tokens": 40,
		"receipts": 40, "audit rows": 41, "sealed rows": 81, "signed heads": 41, "account months": 7, "accounts": 10,
		"rows with evidence": 28, "stored answers": 40} {
		if got := figure(r, name); got != want {
			t.Errorf("%s = %d, want %d", name, got, want)
		}
	}
}

// insiderEdits lists edits that somebody with the database, but without the signing key, might try.
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
	tier.World(t)
	tier.Slow(t)
	dir := shop(t, 20)
	edits := insiderEdits()
	storetest.HoldFound(t, "testdata/edits.txt", foundAfter(t, dir, edits), *update)
	t.Logf("figures: %d edits, all found", len(edits))
}

// foundAfter makes each edit on a copy of a folder and verifies it.
func foundAfter(t *testing.T, dir string, edits []string) (found []storetest.Found) {
	t.Helper()
	for _, sql := range edits {
		changed := copyDir(t, dir)
		edit(t, changed, sql)
		found = append(found, storetest.Found{Edit: strings.Join(strings.Fields(sql), " "), Kinds: storetest.Kinds(verify(t, changed))})
	}
	return found
}

// bookTable is a table of the books with its columns.
type bookTable struct {
	name    string
	columns []string
	order   string
}

func booksTables() (out []bookTable) {
	for _, t := range [][3]string{
		{"journal", "tenant_id id kind ref posted_at reverses memo leaf seal_n", "1, 2"},
		{"posting", "tenant_id journal_id seq account amount listed", "1, 2, 3"},
		{"ledger_account", "tenant_id n code subject limited balance held", "1, 2"},
		{"audit", "tenant_id id at actor ip action object before after reason single_person leaf seal_n", "1, 2"},
		{"seal", "tenant_id n first last root head at", "1, 2"},
		{"seal_leaf", "tenant_id pos kind id leaf", "1, 2"},
		{"seal_hash", "tenant_id idx hash", "1, 2"},
		{"rollup", "tenant_id account seal_n balance", "1, 2, 3"},
		{"vend", "tenant_id id vendor_key client_ref order_hash meter meter_key_id account_id payment_id till mode state currency tender carry_in carry_out units_wh " +
			"free_wh month mtd_before_wh tariff_version_id asked deliver receipt_no failure reverses by_actor priced_at completed_at created_at", "1, 2"},
		{"vend_line", "tenant_id vend_id seq kind ref amount vat units_wh rate_micro steps_json label left_after", "1, 2, 3"},
		{"token", "tenant_id id vend_id job_id meter meter_key_id tid base_date class subclass rnd units_wh digits_enc digits_hash state issued_at answered_at result created_at", "1, 2"},
	} {
		out = append(out, bookTable{t[0], strings.Fields(t[1]), t[2]})
	}
	return out
}

// ledgerDump returns the content of the books, to show whether a flipped bit changed it: the number of each table, then its rows.
func ledgerDump(t *testing.T, dir string) (string, error) {
	t.Helper()
	c, err := zombie.OpenConn(filepath.Join(dir, "paywatt.db"), zombie.OpenReadWrite)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	var b strings.Builder
	for n, table := range booksTables() {
		fmt.Fprintf(&b, "table %d\n", n)
		values := make([]string, len(table.columns))
		for i, column := range table.columns {
			values[i] = `CASE typeof(` + column + `) WHEN 'blob' THEN hex(` + column + `) ELSE ` + column + ` END`
		}
		q := `SELECT ` + strings.Join(values, ", ") + ` FROM ` + table.name + ` ORDER BY ` + table.order
		err := sqlitex.ExecuteTransient(c, q, &sqlitex.ExecOptions{ResultFunc: func(s *zombie.Stmt) error {
			for k := range s.ColumnCount() {
				b.WriteString(strings.ReplaceAll(s.ColumnText(k), "\n", "~"))
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

// bookPages returns the pages of the file that hold the books.
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

// difference returns the first line in which two dumps differ, from both dumps.
func difference(a, b string) string {
	other := strings.Split(b, "\n")
	for i, line := range strings.Split(a, "\n") {
		if i >= len(other) || other[i] != line {
			return fmt.Sprintf("line %d was %q, is %q", i, line, append(other, "")[min(i, len(other))])
		}
	}
	return "more lines"
}

// rulesOfTable lists, for each column of a table, the rules that can find a flipped bit there. At least one of these rules must find it.
// The tables are in the order of [ledgerDump]; * is any other column.
func rulesOfTable() []map[string]string {
	return []map[string]string{
		{"*": "leaf log sale", "leaf": "leaf log", "seal_n": "log"}, // journal
		{"*": "leaf journal"}, // posting
		{"*": "balance leaf limit counter", "balance": "balance", "held": "hold"}, // ledger_account
		{"*": "leaf", "leaf": "leaf log", "seal_n": "log", "id": "leaf log"},      // audit
		{"*": "log", "head": "head", "at": "head"},                                // seal
		{"*": "log"},                // seal_leaf
		{"*": "log"},                // seal_hash
		{"*": "roll-up"},            // rollup
		{"*": "sale receipt month"}, // vend
		{"*": "sale"},               // vend_line
		{"*": "token sale key", "digits_hash": "sale token", "digits_enc": "sale token"}, // token
	}
}

// flipFound verifies a folder in which a bit of the books was flipped. It returns how the bit was found: the name of the table if a rule of
// the column found it, SQLite's own check, or a text which says that rows are gone or cannot be read.
func flipFound(t *testing.T, dir, clean, dump string, broken error) string {
	t.Helper()
	r, err := sqlite.Verify(context.Background(), dir)
	if err != nil || broken != nil {
		if err == nil && r.Sound() {
			t.Errorf("the books cannot be read (%v), and nothing was found", broken)
		}
		return "what cannot be read"
	}
	table, column := flipped(clean, dump)
	kinds := rulesOfTable()
	if table < 0 {
		if r.Sound() {
			t.Error("rows of the books are gone, and nothing was found")
		}
		return "rows that are gone"
	}
	want, ok := kinds[table][column]
	if !ok {
		want = kinds[table]["*"]
	}
	for _, f := range r.Findings {
		if slices.Contains(strings.Fields(want), f.Rule) {
			return booksTables()[table].name
		}
	}
	if slices.ContainsFunc(r.Findings, func(f store.Finding) bool { return f.Rule == "file" }) {
		return "SQLite's own check" // the check found a bad page, index or type
	}
	t.Errorf("a flipped bit in %s.%s was not found by a rule of %q: %s: %q", booksTables()[table].name, column, want, difference(clean, dump), storetest.Kinds(r))
	return "nothing"
}

// flipped returns the table and the column of the first value in which two dumps differ; table -1 if rows were added or lost.
func flipped(clean, dump string) (table int, column string) {
	was, is := strings.Split(clean, "\n"), strings.Split(dump, "\n")
	if len(was) != len(is) {
		return -1, ""
	}
	for i := range was {
		if strings.HasPrefix(was[i], "table ") {
			table, _ = strconv.Atoi(strings.TrimPrefix(was[i], "table "))
		}
		if was[i] == is[i] {
			continue
		}
		a, b := strings.Split(was[i], "|"), strings.Split(is[i], "|")
		for k := range min(len(a), len(b)) {
			if a[k] != b[k] {
				return table, booksTables()[table].columns[k]
			}
		}
	}
	return table, ""
}

func TestVerifyFindsEveryFlippedBitOfTheBooks(t *testing.T) {
	tier.World(t)
	tier.OneGoroutine(t)
	flips := tier.FlippedBits.N()
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
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 11))
	changed, found, elsewhere := 0, map[string]int{}, 0
	for tries := 0; changed < flips && tries < 20*flips; tries++ {
		at, bit := (pages[rnd.IntN(len(pages))]-1)*4096+rnd.IntN(4096), rnd.IntN(8)
		flipped := append([]byte(nil), original...)
		flipped[at] ^= 1 << bit
		if err := os.WriteFile(file, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		dump, broken := ledgerDump(t, dir)
		if broken == nil && dump == clean {
			elsewhere++ // the bit is in free space, or in a row's version
			continue
		}
		changed++
		found[flipFound(t, dir, clean, dump, broken)]++
	}
	t.Logf("figures: %d flips that changed ledger, sales, tokens, audit or seals, found in %v; %d more changed none of it", changed, found, elsewhere)
	if changed < flips/2 {
		t.Errorf("only %d flips changed anything: the test looks at the wrong bytes", changed)
	}
}

func TestVerifyFindsADatabaseThatWasSwappedForAnOlderCopy(t *testing.T) {
	tier.World(t)
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: -1})
	stock(t, e, 7)
	sell(t, e, sellOne(1, 7))
	old := filepath.Join(t.TempDir(), "old")
	if _, err := sqlite.Backup(context.Background(), dir, old, fixed); err != nil {
		t.Fatal(err)
	}
	sell(t, e, sellOne(2, 7))
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
	if len(r.Findings) != 1 || !strings.Contains(r.Findings[0].What, "replaced or cut back") {
		t.Errorf("findings %v, want the head that is kept outside", r.Findings)
	}
	keepHeads(t, dir, old)
}

// keepHeads sets the log of heads in a folder back to yesterday, like the folder's database. Verification alone then finds nothing. The
// function checks that a copy of the newer log, or one printed head from it, reveals the older data. It also tests an expected key that is
// not the database's key, and a file without heads.
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
		yesterday = heads[:strings.Index(string(heads), "\n")+1] // the copy has no log of heads; the first line serves as yesterday's log
	}
	if err := os.WriteFile(filepath.Join(dir, headlog.File), yesterday, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    headlog.ExternalHeads
		want string
	}{
		{"nothing", headlog.ExternalHeads{}, ""},
		{"a copy of the log of heads", headlog.ExternalHeads{Heads: kept}, "replaced or cut back"},
		{"one printed head", headlog.ExternalHeads{Heads: printed}, "replaced or cut back"},
		{"another key", headlog.ExternalHeads{Public: "paywatt-x+00000000+AAAA"}, "was expected. Whoever changed the key"},
		{"a file of something else", headlog.ExternalHeads{Heads: filepath.Join(dir, headlog.KeyFile)}, "no head signed by this database's key"},
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
