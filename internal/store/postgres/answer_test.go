package postgres_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// TestACommitWithoutAnAnswerIsUnknown loses the answer to COMMIT on a real connection. It opens the database again to see whether the
// commit happened.
func TestACommitWithoutAnAnswerIsUnknown(t *testing.T) {
	for name, lose := range map[string]struct {
		what func(*pgtest.Thief) *atomic.Int64
		want int64
	}{
		"the answer": {func(th *pgtest.Thief) *atomic.Int64 { return &th.Answers }, 2},
		"the COMMIT": {func(th *pgtest.Thief) *atomic.Int64 { return &th.Commits }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			database, dir := pgtest.New(t), t.TempDir()
			th, url := pgtest.Steal(t, database)
			e := openOn(t, url, postgres.Options{Dir: dir, SealEvery: -1, Writers: 1})
			take := func(tx *store.Tx) (value, error) { n, err := tx.Take("a"); return value{n: n}, err }
			if v, err := do(e, take); err != nil || v.n != 1 {
				t.Fatalf("before anything is lost: %d, %v", v.n, err)
			}
			lose.what(th).Add(1)
			v, err := do(e, take)
			if !errors.Is(err, store.ErrOutcomeUnknown) || errors.Is(err, store.ErrBusy) || v.n != 0 {
				t.Errorf("the lost commit: %d, %v; want no value and %v", v.n, err, store.ErrOutcomeUnknown)
			}
			if _, err := do(e, take); !errors.Is(err, store.ErrReadOnly) {
				t.Errorf("the next closure: %v, want %v", err, store.ErrReadOnly)
			}
			if err := e.Health(); !errors.Is(err, store.ErrOutcomeUnknown) {
				t.Errorf("health: %v, want %v", err, store.ErrOutcomeUnknown)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			again := openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1})
			got, err := storetest.View(context.Background(), again, store.FirstTenant, counter)
			if err != nil || got != lose.want {
				t.Errorf("after opening again the counter is at %d, %v; want %d", got, err, lose.want)
			}
			if _, err := do(again, take); err != nil {
				t.Errorf("writing after opening again: %v", err)
			}
		})
	}
}
