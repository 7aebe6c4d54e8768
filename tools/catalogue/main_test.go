package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTheTablesAreOfTheCatalogue writes all tables again and compares them with the tables in the repository.
func TestTheTablesAreOfTheCatalogue(t *testing.T) {
	dir := t.TempDir()
	for path := range tables {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	for path := range tables {
		want, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil || string(have) != string(want) {
			t.Errorf("%s is not what the catalogue gives: run go generate ./internal/catalogue (%v)", path, err)
		}
	}
}
