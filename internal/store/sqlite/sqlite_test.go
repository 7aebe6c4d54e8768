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

func TestClosuresMayRunTwice(t *testing.T) {
	storetest.Exercise(t, storetest.Rig{Waiting: sqlite.Waiting, FailCommit: sqlite.FailCommit, Open: func(t *testing.T) store.Engine {
		return openIn(t, t.TempDir(), sqlite.Options{Reserve: -1, Rehearse: true})
	}})
}
