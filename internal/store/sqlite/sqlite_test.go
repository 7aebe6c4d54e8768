package sqlite_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// open gives an engine on a new folder without a disk reserve.
func open(t *testing.T) store.Engine {
	t.Helper()
	return openIn(t, t.TempDir(), sqlite.Options{Reserve: -1})
}

func openIn(t *testing.T, dir string, o sqlite.Options) *sqlite.Engine {
	t.Helper()
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
	storetest.Exercise(t, storetest.Rig{Open: open, Waiting: sqlite.Waiting, FailCommit: sqlite.FailCommit})
}

func TestARehearsedClosureLeavesOnlyWhatItDidForGood(t *testing.T) {
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: -1, Rehearse: true})
	stock(t, e, 7)
	runs := 0
	for n := range int64(10) {
		sell(t, e, func(tx *store.Tx) (sold, error) {
			runs++
			return sale(n+1, 7)(tx)
		})
	}
	if runs != 20 {
		t.Errorf("ten closures ran %d times, want 20", runs)
	}
	if r := verify(t, dir); !r.Sound() || figure(r, "sales") != 10 || figure(r, "receipts") != 10 {
		t.Errorf("%d sales, %d receipts, findings %v; want 10, 10 and none", figure(r, "sales"), figure(r, "receipts"), r.Findings)
	}
}
