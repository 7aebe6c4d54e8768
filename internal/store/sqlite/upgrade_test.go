package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	zombie "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// In the environment of a process started by a test: the folder to upgrade, and before which statement to be killed.
const (
	upgradeFolder = "PAYWATT_TEST_UPGRADE"
	upgradeKill   = "PAYWATT_TEST_UPGRADE_KILL"
)

// nextSteps are the migrations of this version and a planted one.
func nextSteps() ([]store.Migration, error) {
	steps, err := store.Migrations()
	return append(steps, storetest.NextMigration(len(steps)+1)), err
}

// upgradeUntilKilled opens a folder with one migration more and kills its own process on the way.
func upgradeUntilKilled(dir, point string) error {
	steps, err := nextSteps()
	if err != nil {
		return err
	}
	left, err := strconv.Atoi(point)
	if err != nil {
		return err
	}
	e, err := sqlite.Open(dir, sqlite.WithSteps(sqlite.Options{Reserve: -1}, steps, func(string) {
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

// upgrade opens a folder with one migration more, and gives before what it stopped on the way.
func upgrade(t *testing.T, dir string) (points []string) {
	t.Helper()
	steps, err := nextSteps()
	if err != nil {
		t.Fatal(err)
	}
	e, err := sqlite.Open(dir, sqlite.WithSteps(sqlite.Options{Reserve: -1}, steps, func(next string) { points = append(points, next) }))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return points
}

// content is everything that the database in a folder holds, its schema and version too.
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

// TestAnUpgradeKilledAnywhereGoesOnOrGoesBack kills the process of an upgrade before each of its statements, before the
// version is written, before COMMIT and after it.
func TestAnUpgradeKilledAnywhereGoesOnOrGoesBack(t *testing.T) {
	old := shop(t, 6)
	before, whole := content(t, old), copyDir(t, old)
	points := upgrade(t, whole)
	after := content(t, whole)
	if len(points) < 15 || before == after {
		t.Fatalf("the upgrade has %d points, or changes nothing: %q", len(points), points)
	}
	for n, next := range points {
		dir := copyDir(t, old)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), upgradeFolder+"="+dir, upgradeKill+"="+strconv.Itoa(n))
		if out, err := cmd.CombinedOutput(); err == nil || len(out) > 0 || cmd.ProcessState.Exited() && os.PathSeparator == '/' {
			t.Fatalf("before %q: the upgrade was not killed: %v, %s", next, err, out)
		}
		want := before
		if next == "the next step" {
			want = after
		}
		if got := content(t, dir); got != want {
			t.Errorf("killed before %q, the database is neither as it was nor as it will be:\n%s", next, got)
		}
		verifyNext(t, dir)
		upgrade(t, dir)
		if content(t, dir) != after {
			t.Errorf("killed before %q and opened again, the upgrade did not end where it always ends", next)
		}
		verifyNext(t, dir)
	}
	t.Logf("figures: %d kills, %d went back, 1 had ended", len(points), len(points)-1)
}

// verifyNext verifies with one migration more.
func verifyNext(t *testing.T, dir string) *store.Report {
	t.Helper()
	steps, err := nextSteps()
	if err != nil {
		t.Fatal(err)
	}
	r, err := sqlite.VerifySteps(context.Background(), dir, steps)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Sound() || figure(r, "sales") != 6 {
		t.Errorf("schema %d: %d sales of 6, findings %v", r.Older, figure(r, "sales"), r.Findings)
	}
	return r
}

// TestLookingAtAnOlderDatabaseChangesNothing: verification, the source of a copy, and what a restore reads of the database that
// it replaces work on a database that was not upgraded yet, and leave it so.
func TestLookingAtAnOlderDatabaseChangesNothing(t *testing.T) {
	old := shop(t, 6)
	before := content(t, old)
	steps, err := nextSteps()
	if err != nil {
		t.Fatal(err)
	}
	if r := verifyNext(t, old); r.Older != len(steps)-1 {
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
	if content(t, old) != before {
		t.Error("looking at the database changed it")
	}
}
