package main

import (
	"context"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

func TestTheShiftIsInWholeDays(t *testing.T) {
	now := time.Date(2026, 11, 29, 23, 59, 59, 0, time.FixedZone("", -3*3600)) // the 30th in UTC
	for day, want := range map[string]int{"2026-11-30": 0, "2026-12-01": 1, "2027-11-30": 365, "2026-11-20": -10} {
		to, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := shift(now, to); got != time.Duration(want)*24*time.Hour {
			t.Errorf("%s is %v away, not %d days", day, got, want)
		}
	}
}

func TestWrongArgumentsRunNothing(t *testing.T) {
	for _, args := range [][]string{nil, {"2031-01-01"}, {"2031-02-30", "false"}, {"go", "test"}} {
		if code := command(t.Context(), args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%q ends with %d", args, code)
		}
	}
}

func TestThePackageTimeOfThisGoCanBeChanged(t *testing.T) {
	root, err := goroot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(filepath.Join(root, "src", "time", "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	changed, err := change(string(src), "/a/file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "time.go", changed, 0); err != nil {
		t.Error(err)
	}
	if _, err := change(changed+nowLine, "/a/file"); err == nil {
		t.Error("a second place is not noticed")
	}
}

func TestAProgramBelievesThatItIsAnotherDay(t *testing.T) {
	tier.Slow(t)
	dir := t.TempDir()
	source := filepath.Join(dir, "clock.go")
	// A program that prints without fmt is quick to build: of the standard library, only package time is compiled.
	err := os.WriteFile(source, []byte("package main\n\nimport \"time\"\n\nfunc main() { println(time.Now().Unix()) }\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	clock := func(by time.Duration) time.Duration {
		t.Helper()
		var errs strings.Builder
		if err := run(context.Background(), dir, by, []string{"go", "run", source}, io.Discard, &errs); err != nil {
			t.Fatal(err, errs.String())
		}
		lines := strings.Fields(errs.String())
		seconds, err := strconv.ParseInt(lines[len(lines)-1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(seconds) * time.Second
	}
	// The real time may itself be another day's: compare programs with one another.
	for _, by := range []time.Duration{1000 * 24 * time.Hour, -1000 * 24 * time.Hour} {
		before, other, after := clock(0), clock(by), clock(0)
		if other < before+by || other > after+by {
			t.Errorf("the clock moved by %v, not %v", other-before, by)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, secondsFile)); !os.IsNotExist(err) {
		t.Error("the file of seconds stayed:", err)
	}
}

// machineClock returns the machine's time, also if this test runs as on another day: times of files are real ones.
func machineClock(t *testing.T) time.Time {
	t.Helper()
	path := filepath.Join(t.TempDir(), "now")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return file.ModTime()
}

// TestPostgreSQLBelievesThatItIsAnotherDay: its timeouts end there too. A signal ends them while a session waits, and the handler asks for the
// time.
func TestPostgreSQLBelievesThatItIsAnotherDay(t *testing.T) {
	tier.Slow(t)
	tier.Program(t, compiler)
	const by = 1000 * 24 * time.Hour
	library, remove, err := buildLibrary(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	t.Setenv("LD_PRELOAD", library)
	runtime.LockOSThread() // the cluster ends with the thread that started it
	cluster, err := pgtest.Start()
	if err != nil {
		pgtest.Missing(t, err)
	}
	defer func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	}()

	holder, other := pgtest.Admin(t, cluster.URL("postgres")), pgtest.Admin(t, cluster.URL("postgres"))
	before := machineClock(t).Add(by)
	seconds, err := strconv.ParseInt(holder("SELECT EXTRACT(epoch FROM clock_timestamp())::bigint"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if now := time.Unix(seconds, 0); now.Before(before.Add(-time.Second)) || now.After(machineClock(t).Add(by+time.Second)) {
		t.Errorf("PostgreSQL has %v, not %v", now, before)
	}
	holder("CREATE TABLE held (n INT)")
	holder("BEGIN; LOCK TABLE held")
	other(`SET lock_timeout = '1ms'; DO $$ BEGIN LOCK TABLE held; EXCEPTION WHEN lock_not_available THEN NULL; END $$`)
}
