package postgres_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// TestVerifyFindsEditsOfTheSchema checks that verification finds edits of the schema. With such an edit, whoever owns the tables can change
// what the database does with the server's writes.
func TestVerifyFindsEditsOfTheSchema(t *testing.T) {
	edits := map[string]string{
		`DROP INDEX vend_receipt`: "index vend_receipt is gone",
		`DROP INDEX vend_receipt; CREATE INDEX vend_receipt ON vend (tenant_id, receipt_no)`: "index vend_receipt is gone",
		`CREATE FUNCTION cheap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.units_wh := 0; RETURN NEW; END';
			CREATE TRIGGER cheap BEFORE UPDATE ON usage_month FOR EACH ROW EXECUTE FUNCTION cheap()`: "the trigger cheap on table usage_month",
		`CREATE RULE keep AS ON DELETE TO debt DO INSTEAD NOTHING`:                             "the rule keep on table debt",
		`ALTER TABLE debt ENABLE ROW LEVEL SECURITY; CREATE POLICY hide ON debt USING (false)`: "the policy hide on table debt",
		`ALTER TABLE reprint RENAME TO kept; CREATE VIEW reprint AS SELECT * FROM kept`:        "the view reprint",
		`ALTER TABLE debt DROP CONSTRAINT debt_outstanding_check`:                              "check constraints",
		`ALTER TABLE api_key DROP CONSTRAINT api_key_hash_key`:                                 "unique constraints",
		`ALTER TABLE wallet DROP CONSTRAINT wallet_pkey`:                                       "Table wallet has 0 primary keys",
		// What another table has makes up for nothing.
		`ALTER TABLE api_key DROP CONSTRAINT api_key_hash_key; ALTER TABLE wallet ADD UNIQUE (meter)`: "Table api_key has 0 unique constraints",
		`ALTER TABLE wallet DROP CONSTRAINT wallet_pkey; CREATE TABLE other (n bigint PRIMARY KEY)`:   "Table wallet has 0 primary keys",
	}
	dir, url := t.TempDir(), pgtest.New(t)
	openOn(t, url, postgres.Options{Dir: dir, SealEvery: -1})
	findings := func(url string) (schema []string) {
		t.Helper()
		r, err := postgres.Verify(t.Context(), url, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			if f.Rule == "schema" {
				schema = append(schema, f.What)
			}
		}
		return schema
	}
	if got := findings(url); len(got) > 0 {
		t.Fatalf("an untouched database: %q", got)
	}
	// A table of somebody else changes nothing. paywatt doctor makes one while it tries the database.
	run(t, url, `CREATE TABLE paywatt_trial_1 (id BIGINT PRIMARY KEY, n BIGINT NOT NULL CHECK (n > 0), UNIQUE (n))`)
	if got := findings(url); len(got) > 0 {
		t.Errorf("beside a table of somebody else: %q", got)
	}
	for sql, want := range edits {
		changed := pgtest.New(t)
		run(t, changed, sql)
		if got := findings(changed); !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("not found: %s: %q", sql, got)
		}
	}
	t.Logf("figures: %d edits of the schema, all found", len(edits))
}
