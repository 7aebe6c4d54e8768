package sqlite_test

import (
	"strings"
	"testing"

	zombie "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/internal/tier"
)

// TestVerifyFindsEditsOfTheSchema checks that verification finds edits of the schema. With such an edit, whoever can write to the file can
// change what SQLite does with the server's writes.
func TestVerifyFindsEditsOfTheSchema(t *testing.T) {
	tier.World(t)
	dir := shop(t, 3)
	edits := map[string]string{
		`DROP INDEX vend_receipt`:  "index vend_receipt is gone",
		`DROP INDEX journal_ref`:   "index journal_ref is gone",
		`DROP INDEX token_digits`:  "index token_digits is gone",
		`DROP INDEX reversal_vend`: "index reversal_vend is gone",
		`CREATE TRIGGER cheap AFTER INSERT ON vend BEGIN UPDATE usage_month SET units_wh = units_wh WHERE account_id = NEW.account_id; END`: "the trigger cheap",
		`ALTER TABLE account RENAME TO kept; CREATE VIEW account AS SELECT * FROM kept`:                                                     "the view account",
		`CREATE TEMP TABLE x (a); CREATE TABLE vend_copy (a)`:                                                                               "the table vend_copy",
		`DROP INDEX vend_receipt; CREATE INDEX vend_receipt ON vend (tenant_id, receipt_no) WHERE receipt_no IS NOT NULL`:                   "index vend_receipt is not the one",
		`ALTER TABLE debt ADD COLUMN forgiven INTEGER`:                                                                                      "table debt is not the one",
		`PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = REPLACE(sql, 'CHECK (outstanding >= 0)', '') WHERE name = 'debt'`:      "table debt is not the one",
	}
	for sql, want := range edits {
		changed := copyDir(t, dir)
		c, err := zombie.OpenConn(changed+"/paywatt.db", zombie.OpenReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if err := sqlitex.ExecuteScript(c, sql, nil); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range verify(t, changed).Findings {
			found = found || f.Rule == "schema" && strings.Contains(f.What, want)
		}
		if !found {
			t.Errorf("not found: %s: %+v", sql, verify(t, changed).Findings)
		}
	}
	t.Logf("figures: %d edits of the schema, all found", len(edits))
}
