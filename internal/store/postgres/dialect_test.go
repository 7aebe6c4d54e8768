package postgres

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
)

func TestMigrationsAreTranslatedWordByWord(t *testing.T) {
	for in, want := range map[string]string{
		"CREATE TABLE a (\n  id INTEGER PRIMARY KEY,\n  b BLOB NOT NULL, n INTEGER NOT NULL DEFAULT 0\n) STRICT;": "CREATE TABLE a (\n  id " + identity + ",\n  b BYTEA NOT NULL, n BIGINT NOT NULL DEFAULT 0\n);",
		"CREATE TABLE a (\n  id INTEGER PRIMARY KEY NOT NULL\n) STRICT, WITHOUT ROWID;":                           "CREATE TABLE a (\n  id BIGINT PRIMARY KEY NOT NULL\n);",
		"a TEXT, -- an INTEGER, or a 'BLOB\nb INTEGER":                                                            "a TEXT, \nb BIGINT",
		"s TEXT DEFAULT 'an INTEGER -- and a BLOB' CHECK (s <> '-'), n INTEGER CHECK (n > 0 - 1)":                 "s TEXT DEFAULT 'an INTEGER -- and a BLOB' CHECK (s <> '-'), n BIGINT CHECK (n > 0 - 1)",
		"CREATE UNIQUE INDEX i ON t (tenant_id, a) WHERE a IS NOT NULL;":                                          "CREATE UNIQUE INDEX i ON t (tenant_id, a) WHERE a IS NOT NULL;",
	} {
		if got, err := dialect(in); err != nil || got != want {
			t.Errorf("dialect(%q)\n got  %q, %v\n want %q", in, got, err, want)
		}
	}
	if _, err := dialect("a 'b"); err == nil {
		t.Error("a quote that is never closed was translated")
	}
}

func TestNothingOfSQLiteIsLeftInAMigration(t *testing.T) {
	steps, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		sql, err := dialect(s.SQL)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		for _, word := range []string{"STRICT", "ROWID", "INTEGER", "BLOB", "PRAGMA", "AUTOINCREMENT"} {
			if strings.Contains(sql, word) {
				t.Errorf("%04d_%s still says %s", s.N, s.Name, word)
			}
		}
		if strings.Count(sql, "CREATE TABLE") != strings.Count(s.SQL, "CREATE TABLE") {
			t.Errorf("%04d_%s lost a table", s.N, s.Name)
		}
	}
}
