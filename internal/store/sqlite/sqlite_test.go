package sqlite_test

import (
	"os"
	"testing"

	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

// open returns an engine on a new folder without a disk reserve.
func open(t *testing.T) store.Engine {
	t.Helper()
	return openIn(t, t.TempDir(), sqlite.Options{Reserve: -1})
}

func openIn(t *testing.T, dir string, o sqlite.Options) *sqlite.Engine {
	t.Helper()
	tier.World(t)
	o.Intake = intake.Take
	e, err := sqlite.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestSQLiteIsAStore(t *testing.T) {
	tier.Concurrent(t)
	empty := t.TempDir()
	e := openIn(t, empty, sqlite.Options{Reserve: -1})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// A copy of an empty database opens in half the time in which a new one is made.
	open := func(t *testing.T) store.Engine {
		return openIn(t, copyDir(t, empty), sqlite.Options{Reserve: -1})
	}
	storetest.Exercise(t, storetest.Rig{Open: open, Waiting: sqlite.Waiting, FailCommit: sqlite.FailCommit, Hear: sqlite.Hear})
}

// TestSQLiteFailsAtAnyStatement checks that an operation reports the failure of any of its statements and leaves no changes.
func TestSQLiteFailsAtAnyStatement(t *testing.T) {
	tier.Long(t)
	tier.OneGoroutine(t)
	inMemory := func(t *testing.T) store.Engine {
		dir, err := os.MkdirTemp("/dev/shm", "paywatt-test-") // in memory, so that no sync takes time
		if err != nil {
			return open(t)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return openIn(t, dir, sqlite.Options{Reserve: -1, Readers: 2})
	}
	storetest.Fail(t, storetest.Rig{Open: inMemory, Waiting: sqlite.Waiting, FailCommit: sqlite.FailCommit, Hear: sqlite.Hear}, tier.FailingStatements.N())
}

func TestARehearsedClosureLeavesOnlyWhatItDidForGood(t *testing.T) {
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: -1, Rehearse: true})
	stock(t, e, 7)
	runs := 0
	for n := range int64(10) {
		sell(t, e, func(tx *store.Tx) (sold, error) {
			runs++
			return sellOne(n+1, 7)(tx)
		})
	}
	if runs != 20 {
		t.Errorf("ten closures ran %d times, want 20", runs)
	}
	if r := verify(t, dir); !r.Sound() || figure(r, "sales") != 10 || figure(r, "receipts") != 10 {
		t.Errorf("%d sales, %d receipts, findings %v; want 10, 10 and none", figure(r, "sales"), figure(r, "receipts"), r.Findings)
	}
}
