package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tier"
	zombie "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func TestTheFolderBelongsToItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	e := openIn(t, dir, sqlite.Options{Reserve: 1 << 20})
	sell(t, e, func(tx *store.Tx) (sold, error) { return sold{}, tx.AuditLog(someEntry()) })
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s: others can read it", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"paywatt.db", "seal.key", "heads.log", "reserve"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestAnOldLibraryIsRefused(t *testing.T) {
	for version, want := range map[int]error{3_050_004: sqlite.ErrLibrary, 3_051_002: sqlite.ErrLibrary, 3_051_003: nil, zombie.VersionNumber: nil} {
		if err := sqlite.CheckLibrary(version); !errors.Is(err, want) {
			t.Errorf("version %d: %v, want %v", version, err, want)
		}
	}
}

func TestAFolderThatCannotBeUsedIsRefused(t *testing.T) {
	tier.World(t)
	make := func(prepare func(dir string) error) string {
		dir := t.TempDir()
		if err := prepare(dir); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	file := make(func(dir string) error { return os.WriteFile(filepath.Join(dir, "x"), nil, 0o600) })
	for name, c := range map[string]struct {
		dir  string
		want error
	}{
		"a file in place of the folder": {filepath.Join(file, "x"), sqlite.ErrUnwritable},
		"a folder in place of a file":   {make(func(dir string) error { return os.Mkdir(filepath.Join(dir, "paywatt.db"), 0o700) }), sqlite.ErrUnwritable},
		"a file that is no database": {make(func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "paywatt.db"), []byte(strings.Repeat("x", 4096)), 0o600)
		}), sqlite.ErrCorrupt},
		"a database of another program":   {make(func(dir string) error { return script(dir, "CREATE TABLE t (a)") }), sqlite.ErrForeign},
		"a database of a newer version":   {newer(t), store.ErrNewer},
		"a database whose schema is gone": {damaged(t), sqlite.ErrCorrupt},
	} {
		e, err := sqlite.Open(c.dir, sqlite.Options{Reserve: -1})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err == nil {
			_ = e.Close() // this test provokes the error
		}
	}
}

func script(dir, sql string) error {
	c, err := zombie.OpenConn(filepath.Join(dir, "paywatt.db"), zombie.OpenReadWrite|zombie.OpenCreate)
	if err != nil {
		return err
	}
	return errors.Join(sqlitex.ExecuteScript(c, sql, nil), c.Close())
}

func newer(t *testing.T) string {
	dir := shop(t, 1)
	if err := script(dir, "PRAGMA user_version = 1000"); err != nil {
		t.Fatal(err)
	}
	return dir
}

func damaged(t *testing.T) string {
	dir := shop(t, 1)
	f, err := os.OpenFile(filepath.Join(dir, "paywatt.db"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(make([]byte, 3000), 100) // the first page holds the schema
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOnlyOneMayServe(t *testing.T) {
	dir := t.TempDir()
	first, err := sqlite.TakeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.TakeLock(dir); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("a second lock: %v, want %v", err, sqlite.ErrLocked)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := sqlite.TakeLock(dir)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestManyMayOpenANewFolderAtOnce(t *testing.T) {
	tier.Concurrent(t)
	dir := t.TempDir()
	var wg sync.WaitGroup
	for n := range int64(4) {
		wg.Go(func() {
			e, err := sqlite.Open(dir, sqlite.Options{Reserve: 1 << 20})
			if err != nil {
				t.Error(err)
				return
			}
			sell(t, e, func(tx *store.Tx) (sold, error) { return sold{n}, tx.AuditLog(someEntry()) })
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r := verify(t, dir); !r.Sound() || figure(r, "audit rows") != 4 {
		t.Errorf("%d audit rows, findings %v; want 4 and none", figure(r, "audit rows"), r.Findings)
	}
}

// TestMigrationsEndInTheSchema checks that schema.sql, which a new database gets, is the schema of a migrated database. SQLite keeps the comments inside the statements of the migrations, so schema.sql has
// these comments too. If a migration adds a column to a table, SQLite puts the new column after the others.
func TestMigrationsEndInTheSchema(t *testing.T) {
	tier.OneGoroutine(t)
	dir := t.TempDir()
	steps, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	upgradeBy(t, dir, steps)
	migrated, err := zombie.OpenConn(filepath.Join(dir, "paywatt.db"), zombie.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	got := "-- Code generated by go test ./internal/store/sqlite -run TestMigrationsEndInTheSchema -update; DO NOT EDIT.\n" +
		"-- What the migrations end in. They say more of each table.\n"
	err = sqlitex.ExecuteTransient(migrated, `SELECT type, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY rowid`,
		&sqlitex.ExecOptions{ResultFunc: func(s *zombie.Stmt) error {
			if s.ColumnText(0) == "table" {
				got += "\n"
			}
			got += s.ColumnText(1) + ";\n"
			return nil
		}})
	if err = errors.Join(err, migrated.Close()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "schema.sql")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return // the next run has the new file
	}
	if got != store.Schema() {
		t.Error("schema.sql is not what the migrations end in: run this test with -update, never edit the file")
	}
}

// TestANewDatabaseIsWhatTheMigrationsMake compares a new database, which gets schema.sql, with one that took every migration: tables,
// indexes, rows and the planner's estimates. A row that a migration writes into an empty database belongs in store.FirstRows.
func TestANewDatabaseIsWhatTheMigrationsMake(t *testing.T) {
	tier.OneGoroutine(t)
	steps, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	made := func(by []store.Migration) string {
		dir, o := t.TempDir(), sqlite.Options{Reserve: -1, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Rand: rand.NewChaCha8([32]byte{})}
		e, err := sqlite.Open(dir, sqlite.WithSteps(o, by, nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		return content(t, dir)
	}
	if fresh, migrated := made(nil), made(steps); fresh != migrated {
		t.Errorf("a new database is\n%s\nthe migrations make\n%s", fresh, migrated)
	}
}

func TestEveryTableBeginsWithItsTenant(t *testing.T) {
	tier.World(t)
	c, err := zombie.OpenConn(filepath.Join(shop(t, 1), "paywatt.db"), zombie.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	// These tables are exempt. The table meta holds facts about the file, the table tenant lists the tenants, and the table leader belongs
	// to no tenant. A reading has a row number as its key, and the receive window keeps readings unique.
	exempt := []string{"meta", "tenant", "leader", "reading"}
	err = sqlitex.ExecuteTransient(c, `SELECT t.name, (SELECT name FROM pragma_table_info(t.name) WHERE pk = 1) FROM sqlite_schema t
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'`, &sqlitex.ExecOptions{ResultFunc: func(s *zombie.Stmt) error {
		if table, first := s.ColumnText(0), s.ColumnText(1); first != "tenant_id" && !slices.Contains(exempt, table) {
			t.Errorf("the primary key of %s begins with %q, want tenant_id", table, first)
		}
		return nil
	}})
	if err = errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestAnUpgradeNeedsTheServerStopped(t *testing.T) {
	tier.World(t)
	dir := shop(t, 1)
	if err := script(dir, "PRAGMA user_version = 0"); err != nil { // as if this program had one more migration
		t.Fatal(err)
	}
	lock, err := sqlite.TakeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(dir, sqlite.Options{Reserve: -1}); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("upgrading under a running server: %v, want %v", err, sqlite.ErrLocked)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestStatsCount(t *testing.T) {
	e := openIn(t, t.TempDir(), sqlite.Options{Reserve: -1})
	for range 5 {
		sell(t, e, func(tx *store.Tx) (sold, error) { n, err := tx.Take("a"); return sold{n}, err })
	}
	if err := e.View(context.Background(), store.FirstTenant, func(*store.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	s := e.Stats()
	if s.Batches != 5 || s.LogPages <= 0 {
		t.Errorf("stats after five commits: %+v", s)
	}
}
