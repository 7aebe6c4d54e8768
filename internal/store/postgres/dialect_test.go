package postgres

import (
	"reflect"
	"slices"
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
		if text := strings.Join(s.Statements(), ";\n"); strings.Contains(text, "CHECK(") || strings.Contains(text, "IF ") {
			t.Errorf("%04d_%s: write CHECK (…) and no IF EXISTS: verification reads these words", s.N, s.Name)
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

func TestTheRulesOfAMigrationAreReadStatementByStatement(t *testing.T) {
	words, of := newRuleWords(), map[string]rules{}
	count := func() (n rules) {
		for _, r := range of {
			n.indexes = append(n.indexes, r.indexes...)
			n.primary, n.unique, n.checks = n.primary+r.primary, n.unique+r.unique, n.checks+r.checks
		}
		slices.Sort(n.indexes)
		return n
	}
	for _, k := range []struct {
		sql  string
		want rules
	}{
		{"CREATE TABLE a (n BIGINT CHECK (n > 0), m TEXT, PRIMARY KEY (n), UNIQUE (m))", rules{nil, 1, 1, 1}},
		{"CREATE UNIQUE INDEX a_m ON a (m) WHERE m <> ''", rules{[]string{"unique a_m"}, 1, 1, 1}},
		{"CREATE INDEX a_n\n  ON a (n)", rules{[]string{"a_n", "unique a_m"}, 1, 1, 1}},
		{"ALTER TABLE a ADD COLUMN k BIGINT NOT NULL DEFAULT 0 CHECK (k >= 0)", rules{[]string{"a_n", "unique a_m"}, 1, 1, 2}},
		{"DROP INDEX a_m", rules{[]string{"a_n"}, 1, 1, 2}},
		{"CREATE TABLE b (n BIGINT, PRIMARY KEY (n))", rules{[]string{"a_n"}, 2, 1, 2}},
		{"INSERT INTO b SELECT n FROM a", rules{[]string{"a_n"}, 2, 1, 2}},
		{"DROP TABLE a", rules{nil, 1, 0, 0}},
		{"ALTER TABLE b RENAME TO a", rules{nil, 1, 0, 0}},
		{"DROP TABLE a", rules{}},
	} {
		words.read(k.sql, of)
		if got := count(); !reflect.DeepEqual(got, k.want) {
			t.Errorf("after %s: %+v, want %+v", k.sql, got, k.want)
		}
	}
}
