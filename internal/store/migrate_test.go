package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
)

// frozen returns the SHA-256 of each migration in users' databases. A line is added when a version is released, and never changed.
func frozen() []string {
	return []string{
		"16306d6d4d489db94dcf71e46ab0c1462406df1a9bc91e431c7e6c33aa1f1d91", // 0001_first, 21 November 2026
	}
}

func TestAMigrationThatDatabasesHaveIsNeverEdited(t *testing.T) {
	steps, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range frozen() {
		if i >= len(steps) {
			t.Fatalf("Migration %d is gone. Databases of users have it: put the file back.", i+1)
		}
		sum := sha256.Sum256([]byte(steps[i].SQL))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("migrations/%04d_%s.sql was edited. Databases of users have it as it was: undo the edit, and write what is to change into a migration with the next number. (SHA-256 %s, want %s.)",
				steps[i].N, steps[i].Name, got, want)
		}
	}
}

func TestAMigrationIsCutIntoItsStatements(t *testing.T) {
	for sql, want := range map[string][]string{
		"":                                     nil,
		"-- nothing; at all\n":                 nil,
		" ;; \n;":                              nil,
		"A;B ;\n C":                            {"A", "B", "C"},
		"A 'x;--' ; B \"y;\" z":                {"A 'x;--'", "B \"y;\" z"},
		"A 'it''s; so';B":                      {"A 'it''s; so'", "B"},
		"A, -- one; two 'x\n  b;\n-- the end":  {"A, -- one; two 'x\n  b"},
		"-- about; A\nA;\nB; -- said; twice\n": {"-- about; A\nA", "B"},
		"A - b; C -- 'open":                    {"A - b", "C -- 'open"},
	} {
		if got := (store.Migration{SQL: sql}).Statements(); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", sql, got, want)
		}
	}
	steps, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		begin := 0
		for line := range strings.Lines(s.SQL) {
			if strings.HasPrefix(line, "CREATE ") || strings.HasPrefix(line, "ALTER ") || strings.HasPrefix(line, "DROP ") ||
				strings.HasPrefix(line, "INSERT ") || strings.HasPrefix(line, "UPDATE ") || strings.HasPrefix(line, "DELETE ") {
				begin++
			}
		}
		if got := len(s.Statements()); got != begin {
			t.Errorf("%04d_%s has %d lines that begin a statement and %d statements", s.N, s.Name, begin, got)
		}
	}
}
