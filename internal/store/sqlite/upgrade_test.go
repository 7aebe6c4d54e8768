package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	zombie "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/frozen"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

// A test passes these environment variables to a process that it starts: the folder to upgrade, and the statement before which the process
// is killed.
const (
	upgradeFolder = "PAYWATT_TEST_UPGRADE"
	upgradeKill   = "PAYWATT_TEST_UPGRADE_KILL"
)

// nextSteps returns the migrations of this version and a planted one.
func nextSteps() ([]store.Migration, error) {
	steps, err := store.Migrations()
	return append(steps, storetest.NextMigration(len(steps)+1)), err
}

// upgradeUntilKilled opens a folder and kills its own process during the upgrade. The parameter when holds two numbers: how many migrations
// there are, and how many points of the upgrade pass before the kill.
func upgradeUntilKilled(dir, when string) error {
	steps, err := nextSteps()
	if err != nil {
		return err
	}
	var until, left int
	if _, err := fmt.Sscan(when, &until, &left); err != nil {
		return err
	}
	e, err := sqlite.Open(dir, sqlite.WithSteps(sqlite.Options{Reserve: -1}, steps[:until], func(string) {
		if left--; left < 0 {
			p, err := os.FindProcess(os.Getpid())
			if err = errors.Join(err, p.Kill()); err == nil {
				select {} // SIGKILL is on its way
			}
		}
	}))
	if err != nil {
		return err
	}
	return errors.Join(e.Close(), errors.New("nobody killed the upgrade"))
}

// upgradeBy opens a folder with some migrations, and returns the points at which it paused.
func upgradeBy(t *testing.T, dir string, steps []store.Migration) (points []string) {
	t.Helper()
	e, err := sqlite.Open(dir, sqlite.WithSteps(sqlite.Options{Reserve: -1}, steps, func(next string) { points = append(points, next) }))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return points
}

// content returns everything in the database of a folder, with its schema and version.
func content(t *testing.T, dir string) string {
	t.Helper()
	c, err := zombie.OpenConn(filepath.Join(dir, "paywatt.db"), zombie.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	read := func(sql string, row func(s *zombie.Stmt)) {
		t.Helper()
		err := sqlitex.ExecuteTransient(c, sql, &sqlitex.ExecOptions{ResultFunc: func(s *zombie.Stmt) error { row(s); return nil }})
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	var tables []string
	read(`PRAGMA user_version`, func(s *zombie.Stmt) { fmt.Fprintln(&b, "schema", s.ColumnInt(0)) })
	read(`SELECT type, name, sql FROM sqlite_schema ORDER BY type, name`, func(s *zombie.Stmt) {
		fmt.Fprintln(&b, s.ColumnText(0), s.ColumnText(1), s.ColumnText(2))
		if s.ColumnText(0) == "table" {
			tables = append(tables, s.ColumnText(1))
		}
	})
	for _, name := range tables {
		fmt.Fprintln(&b, "table", name)
		var rows []string
		read(`SELECT * FROM "`+name+`"`, func(s *zombie.Stmt) {
			row := ""
			for i := range s.ColumnCount() {
				row += fmt.Sprintf("%q,", s.ColumnText(i))
			}
			rows = append(rows, row)
		})
		slices.Sort(rows)
		fmt.Fprintln(&b, strings.Join(rows, "\n"))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestAnUpgradeKilledAnywhereGoesOnOrGoesBack upgrades the oldest frozen data, one migration after the other, and at last by one made-up
// migration of a later version. It kills the process before each statement of a migration, before the version is written, before COMMIT
// and after it. It kills at every point of the newest migrations, and in ./check long at one point in sixteen of the earlier ones.
func TestAnUpgradeKilledAnywhereGoesOnOrGoesBack(t *testing.T) {
	tier.World(t)
	tier.Slow(t)
	tier.OneGoroutine(t)
	old := frozen.Of(t, "sqlite")[0]
	sales := old.Facts.Tables["vend"].Rows
	steps, err := nextSteps()
	if err != nil {
		t.Fatal(err)
	}
	newest := tier.KilledUpgrades.N()
	dir, first := copyDir(t, old.Dir), old.Facts.Schema+1
	if !tier.IsLong() {
		first = len(steps) - newest + 1
		upgradeBy(t, dir, steps[:first-1])
	}
	before, kills, points := content(t, dir), 0, 0
	for n := first; n <= len(steps); n++ {
		start := copyDir(t, dir)
		passed := upgradeBy(t, dir, steps[:n])
		after := content(t, dir)
		for i, next := range passed {
			points++
			if n+newest <= len(steps) && points%16 != 0 {
				continue
			}
			kills++
			killed := copyDir(t, start)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), upgradeFolder+"="+killed, upgradeKill+"="+fmt.Sprint(n, i))
			if out, err := cmd.CombinedOutput(); err == nil || len(out) > 0 || cmd.ProcessState.Exited() && os.PathSeparator == '/' {
				t.Fatalf("before %q: the upgrade was not killed: %v, %s", next, err, out)
			}
			want := before
			if next == "the next step" {
				want = after
			}
			if got := content(t, killed); got != want {
				t.Errorf("killed before %q of step %d, the database is neither as it was nor as it will be:\n%s", next, n, got)
			}
			upgradeBy(t, killed, steps[:n])
			if content(t, killed) != after {
				t.Errorf("killed before %q of step %d and opened again, the upgrade did not end where it always ends", next, n)
			}
		}
		if n+newest > len(steps) || n%16 == 0 {
			verifyNext(t, dir, sales)
		}
		before = after
	}
	if points < 15 {
		t.Fatalf("the upgrade has %d points", points)
	}
	t.Logf("figures: %d kills at %d points of %d steps", kills, points, len(steps)-first+1)
}

// verifyNext verifies with one more migration.
func verifyNext(t *testing.T, dir string, sales int64) *store.Report {
	t.Helper()
	steps, err := nextSteps()
	if err != nil {
		t.Fatal(err)
	}
	r, err := sqlite.VerifySteps(context.Background(), dir, steps)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Sound() || figure(r, "sales") != sales {
		t.Errorf("schema %d: %d sales of %d, findings %v", r.Older, figure(r, "sales"), sales, r.Findings)
	}
	return r
}

// TestLookingAtAnOlderDatabaseChangesNothing verifies and copies an older database. It also reads the numbers that a restore reads from the
// database that it replaces. It checks that the database does not change.
func TestLookingAtAnOlderDatabaseChangesNothing(t *testing.T) {
	tier.World(t)
	old := shop(t, 6)
	before := content(t, old)
	steps, err := nextSteps()
	if err != nil {
		t.Fatal(err)
	}
	if r := verifyNext(t, old, 6); r.Older != len(steps)-1 {
		t.Errorf("the report says schema %d, the database has %d", r.Older, len(steps)-1)
	}
	src, err := sqlite.OpenSourceSteps(t.Context(), old, steps)
	if err != nil {
		t.Fatal(err)
	}
	if r := src.Report(); !r.Sound() || r.Older != len(steps)-1 {
		t.Errorf("the source of a copy: schema %d, findings %v", r.Older, r.Findings)
	}
	tables, err := src.Tables()
	if err = errors.Join(err, src.Close()); err != nil {
		t.Fatal(err)
	}
	names := fmt.Sprint(tables)
	if !strings.Contains(names, "{planted [") {
		t.Errorf("the source of a copy has not the tables of this version: %s", names)
	}
	branch, err := sqlite.BranchSteps(t.Context(), old, steps)
	if err != nil || branch.Epoch != 1 || !strings.Contains(fmt.Sprintf("%+v", branch), "keys:[{") {
		t.Errorf("what a restore reads of the database that it replaces: %+v, %v", branch, err)
	}
	o := sqlite.WithSteps(sqlite.Options{Reserve: -1, AsIs: true}, steps, nil)
	if _, err := sqlite.Open(old, o); !errors.Is(err, store.ErrOlder) {
		t.Errorf("opened for a command: %v, want %v", err, store.ErrOlder)
	}
	if content(t, old) != before {
		t.Error("looking at the database changed it")
	}
}

// TestTokensThatWereOnlyHeardAreHeard checks that an upgrade changes the state of a token to "heard" if only an SMS reported the token as
// loaded. Before schema 3, such a token had the state "accepted" and a special result.
func TestTokensThatWereOnlyHeardAreHeard(t *testing.T) {
	tier.World(t)
	dir := copyDir(t, frozen.Of(t, "sqlite")[0].Dir)
	if err := script(dir, storetest.OldHeard); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir); !r.Sound() || r.Older != 1 {
		t.Errorf("before the upgrade: schema %d, findings %v", r.Older, r.Findings)
	}
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	storetest.CheckHeard(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir); !r.Sound() || r.Older != 0 {
		t.Errorf("after the upgrade: schema %d, findings %v", r.Older, r.Findings)
	}
	for state, taken := range map[string]bool{"heard": true, "told": false} {
		if err := script(dir, `UPDATE token SET state = '`+state+`' WHERE state = 'heard'`); (err == nil) != taken {
			t.Errorf("the state %q is written: %v, want it taken %t", state, err, taken)
		}
	}
}

// TestANewDatabaseIsMadeAtOnce checks that readers see, while a database is created, an empty file or the whole database.
func TestANewDatabaseIsMadeAtOnce(t *testing.T) {
	tier.World(t)
	dir := t.TempDir()
	steps, err := nextSteps()
	if err != nil {
		t.Fatal(err)
	}
	looks := 0
	o := sqlite.WithSteps(sqlite.Options{Reserve: -1}, steps, func(next string) {
		looks++
		if got, _, _ := strings.Cut(content(t, dir), "\n"); got != "schema 0" {
			t.Errorf("before %q: %s, want schema 0", next, got)
		}
	})
	e, err := sqlite.Open(dir, o)
	if err == nil {
		err = e.Close()
	}
	if whole := strings.HasPrefix(content(t, dir), fmt.Sprintf("schema %d\n", len(steps))); !whole || err != nil || looks < 15 {
		t.Errorf("made with %d looks: %v, the whole schema %t", looks, err, whole)
	}
}
