package postgres_test

import (
	"flag"
	"os"
	"testing"

	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m, postgres.Migrate)) }

// openOn returns an engine on an existing database.
func openOn(t *testing.T, url string, o postgres.Options) *postgres.Engine {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Intake = intake.Take
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

// everyStatement makes each statement fail once: go test ./internal/store/postgres -run IsAStore -args -every-statement
var everyStatement = flag.Bool("every-statement", false, "make every statement of the conformance suite fail once")

func TestPostgreSQLIsAStore(t *testing.T) {
	rig := storetest.Rig{
		// The engine has one worker, because these tests block the worker to see which work waits behind it. Other tests use more workers.
		Open: func(t *testing.T) store.Engine {
			return openOn(t, pgtest.New(t), postgres.Options{Writers: 1, SealEvery: -1})
		},
		Several: func(t *testing.T) store.Engine {
			return openOn(t, pgtest.New(t), postgres.Options{Writers: 4, SealEvery: -1})
		},
		Waiting: postgres.Waiting, FailCommit: postgres.FailCommit, Hear: postgres.Hear, Seal: postgres.Seal, Alone: true,
	}
	if *everyStatement {
		storetest.Fail(t, rig, true)
		return
	}
	storetest.Exercise(t, rig)
}
