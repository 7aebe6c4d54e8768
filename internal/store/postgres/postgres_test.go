package postgres_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/logtest"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m, postgres.Migrate)) }

// openOn returns an engine on an existing database.
// openOn opens the store of a test. If a transaction of several closures fails for another reason than a conflict, the test fails, unless it
// has a log of its own.
func openOn(t *testing.T, url string, o postgres.Options) *postgres.Engine {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Intake = intake.Take
	if o.Log == nil {
		o.Log = logtest.Forbid(t, "transaction of several sales failed")
	}
	e, err := postgres.Open(t.Context(), url, o)
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

func TestPostgreSQLIsAStore(t *testing.T) {
	tier.Slow(t)
	storetest.Exercise(t, rig())
}

// TestPostgreSQLFailsAtAnyStatement checks that an operation reports the failure of any of its statements and leaves no changes.
func TestPostgreSQLFailsAtAnyStatement(t *testing.T) {
	tier.Long(t)
	tier.OneGoroutine(t)
	storetest.Fail(t, rig(), tier.FailingStatements.N())
}

// rig is the engine as the suite of the store needs it.
func rig() storetest.Rig {
	return storetest.Rig{
		// The engine has one worker, because these tests block the worker to see which work waits behind it. Other tests use more workers.
		Open: func(t *testing.T) store.Engine {
			return openOn(t, pgtest.New(t), postgres.Options{Writers: 1, Readers: 2, SealEvery: -1})
		},
		Several: func(t *testing.T) store.Engine {
			return openOn(t, pgtest.New(t), postgres.Options{Writers: 4, SealEvery: -1})
		},
		Waiting: postgres.Waiting, Blocked: postgres.Blocked, FailCommit: postgres.FailCommit, Hear: postgres.Hear, Seal: postgres.Seal,
		Alone: true, Second: true,
	}
}

// TestPagesOutOfOrderAreCheap: the planner gets the cost of a page that is read out of order from Paywatt, unless the URL has another.
func TestPagesOutOfOrderAreCheap(t *testing.T) {
	database, dir := pgtest.New(t), t.TempDir()
	with := "?"
	if strings.Contains(database, "?") {
		with = "&"
	}
	for url, want := range map[string]string{database: "1.1", database + with + "random_page_cost=4": "4"} {
		e := openOn(t, url, postgres.Options{Dir: dir, SealEvery: -1})
		got, err := storetest.View(context.Background(), e, store.FirstTenant, func(tx *store.Tx) (v string, err error) {
			err = tx.C.Query(`SHOW random_page_cost`, func(r core.Row) error { v = r.Text(0); return nil })
			return v, err
		})
		if err != nil || got != want {
			t.Errorf("random_page_cost is %q, %v; want %q", got, err, want)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
