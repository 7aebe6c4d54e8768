// Package sqlitetest gives tests a data folder with an empty database.
package sqlitetest

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// FillFolder copies an empty database of this version into a data folder that has none. SQLite needs some fifty times as long to make one.
func FillFolder(t testing.TB, dir string) {
	t.Helper()
	files, err := makeEmpty()
	if err != nil {
		t.Fatalf("make an empty database: %v", err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// makeEmpty makes an empty database once in each test binary, and returns its files by name.
var makeEmpty = sync.OnceValues(func() (files map[string][]byte, err error) {
	dir, err := os.MkdirTemp("", "empty")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1})
	if err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files = make(map[string][]byte, len(entries))
	for _, f := range entries {
		if files[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
})
