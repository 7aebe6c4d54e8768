package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/messages"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/store/sales"
)

// TestListsOfColumnsAreTheSchema: the list of a table has each of its columns once, with the type of the schema, and no other columns.
func TestListsOfColumnsAreTheSchema(t *testing.T) {
	forms := map[string]string{"TEXT": "t", "INTEGER": "i", "BLOB": "b"}
	undone(t, func(tx *store.Tx) error {
		for _, l := range lists() {
			table, columns := l.Listed()
			got := map[string]string{}
			for _, c := range columns {
				if got[c.Name] != "" {
					t.Errorf("The list of %s has column %s twice", table, c.Name)
				}
				got[c.Name] = string(c.Form)
			}
			err := tx.C.Query(`SELECT name, type FROM pragma_table_info('`+table+`')`, func(r core.Row) error {
				name, form := r.Text(0), forms[r.Text(1)]
				if is, ok := got[name]; ok && is != form {
					t.Errorf("Column %s of %s has form %s in the list, want %s: it is %s in the schema", name, table, is, form, r.Text(1))
				} else if !ok && name != "tenant_id" {
					t.Errorf("Column %s of %s is not in the list: add it to the unattested columns, or store it in a new table with evidence", name, table)
				}
				delete(got, name)
				return nil
			})
			if err != nil {
				return err
			}
			for name := range got {
				t.Errorf("The list of %s has column %s, which the table lacks", table, name)
			}
		}
		return nil
	})
}

// TestEvidenceIsMadeOfLists: every column of evidence is in a list, and every attested column of a list is in evidence.
func TestEvidenceIsMadeOfLists(t *testing.T) {
	type column struct{ table, name string }
	hashed, attested, known := map[column]bool{}, map[column]bool{}, map[column]bool{}
	aliases := regexp.MustCompile(`(?:^|JOIN )(\w+) (\w)\b`)
	for _, k := range attestedKinds(t) {
		tables := map[string]string{}
		for _, m := range aliases.FindAllStringSubmatch(k.From, -1) {
			tables[m[2]] = m[1]
		}
		for _, c := range strings.Split(k.Proof.Columns, ", ") {
			alias, name, _ := strings.Cut(c, ".")
			hashed[column{tables[alias], name}] = true
		}
	}
	for c := range strings.SplitSeq(core.TenantProof().Columns, ", ") {
		hashed[column{"tenant", c}] = true
	}
	for _, l := range lists() {
		table, columns := l.Listed()
		for _, c := range columns {
			known[column{table, c.Name}] = true
			if c.Attested {
				attested[column{table, c.Name}] = true
			}
		}
	}
	for c := range hashed {
		if !known[c] {
			t.Errorf("Evidence has column %s of %s, which no list has", c.name, c.table)
		}
	}
	for c := range attested {
		if !hashed[c] {
			t.Errorf("The list of %s says that %s is attested; no evidence has it", c.table, c.name)
		}
	}
}

// Reasons why a table has no list of columns.
const (
	noCode    = "no code uses it yet"
	oneWriter = "one statement inserts its rows, and none reads a whole row"
	figures   = "statements add to its figures, and take from them, by name"
	facts     = "a key and a value"
	asItIs    = "one statement inserts its rows, and verification compares them with the log as they are"
)

// unlisted returns the tables without a list of columns, each with the reason.
func unlisted() map[string]string {
	return map[string]string{
		"holiday_calendar": noCode, "outlet": noCode, "terminal": noCode, "webhook_endpoint": noCode,
		"webhook_delivery": noCode,
		"hold":             oneWriter, "job_run": oneWriter, "leader": oneWriter, "meter_install": oneWriter, "former_number": oneWriter, "reprint": oneWriter, "session": oneWriter,
		"posting": oneWriter, "rollup": oneWriter, "seal_leaf": oneWriter, "seal_hash": oneWriter,
		"counter": figures, "day_total": figures, "usage_month": figures, "wallet_advance": figures, "voucher_try": figures,
		"meta": facts, "sight": facts,
		"seal": asItIs,
	}
}

// TestEveryTableHasAList: every table of the schema has a list of its columns, or a valid reason for having none.
func TestEveryTableHasAList(t *testing.T) {
	reasons, used, inserts := unlisted(), map[string]int{}, map[string]int{}
	for _, m := range regexp.MustCompile(`\b(FROM|JOIN|INSERT INTO|INTO|UPDATE) (\w+)`).FindAllStringSubmatch(sourceOfStore(t), -1) {
		used[m[2]]++
		if m[1] == "INSERT INTO" {
			inserts[m[2]]++
		}
	}
	for _, l := range lists() {
		table, _ := l.Listed()
		if reasons[table] != "" {
			t.Errorf("Table %s has a list and a reason why it has none", table)
		}
		reasons[table] = "listed"
	}
	undone(t, func(tx *store.Tx) error {
		return tx.C.Query(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`, func(r core.Row) error {
			table := r.Text(0)
			switch reason := reasons[table]; {
			case reason == "":
				t.Errorf("Table %s has no list of its columns: give it one in the area that reads and writes it, and name it in the area's Lists", table)
			case reason == noCode && used[table] > 0, (reason == oneWriter || reason == asItIs) && inserts[table] != 1:
				t.Errorf("Table %s has no list because %s; but %d statements use it, and %d insert rows", table, reason, used[table], inserts[table])
			}
			delete(reasons, table)
			return nil
		})
	})
	for table, reason := range reasons {
		t.Errorf("The schema has no table %s (%s)", table, reason)
	}
}

// sourceOfStore returns the Go source of the store without its tests.
func sourceOfStore(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "storetest":
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func lists() []core.Listed {
	return slices.Concat(core.Lists[:], people.Lists[:], books.Lists[:], meters.Lists[:], messages.Lists[:], sales.Lists[:])
}
