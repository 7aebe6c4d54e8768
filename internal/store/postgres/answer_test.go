package postgres_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
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
			if err := e.Health(); !errors.Is(err, store.ErrOutcomeUnknown) {
				t.Errorf("health: %v, want %v", err, store.ErrOutcomeUnknown)
			}
			if v, err := do(e, take); err != nil || v.n != lose.want+1 {
				t.Errorf("the next closure, on a new connection: %d, %v; want %d", v.n, err, lose.want+1)
			}
			if err := e.Health(); err != nil {
				t.Errorf("health on a new connection: %v", err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			again := openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1})
			got, err := storetest.View(context.Background(), again, store.FirstTenant, counter)
			if err != nil || got != lose.want+1 {
				t.Errorf("after opening again the counter is at %d, %v; want %d", got, err, lose.want+1)
			}
			if _, err := do(again, take); err != nil {
				t.Errorf("writing after opening again: %v", err)
			}
		})
	}
}

// TestACancelledWaitForAStandbyIsUnknown: a COMMIT waits for a synchronous standby that does not exist, until somebody cancels the wait. The
// server then answers COMMIT with a warning: it has the commit, and no standby has it.
func TestACancelledWaitForAStandbyIsUnknown(t *testing.T) {
	database, dir := pgtest.New(t), t.TempDir()
	e := openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1, Writers: 1})
	admin, set := pgtest.Admin(t, database), pgtest.Admin(t, database)
	t.Cleanup(func() { admin(`ALTER SYSTEM RESET synchronous_standby_names`); admin(`SELECT pg_reload_conf()`) })
	cancel := `SELECT COUNT(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep'`
	lost := make(chan struct{})
	loses := sync.OnceFunc(func() { close(lost) })
	take := func(tx *store.Tx) (value, error) {
		defer loses()
		n, err := tx.Take("a")
		set(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`) // lost after the transaction has looked for it
		set(`SELECT pg_reload_conf()`)
		// The checkpointer tells all others that commits wait. Until it has read the setting, a commit waits for nobody.
		for deadline := time.Now().Add(await.Limit); !waitsForStandby(set, admin, cancel); {
			if time.Now().After(deadline) {
				return value{}, errors.New(await.NotInTime + ": commits wait for the standby")
			}
		}
		return value{n: n}, err
	}
	done := make(chan error, 1)
	go func() { _, err := do(e, take); done <- err }()
	await.Receive(t, "the standby is lost", lost)
	await.True(t, "a COMMIT waits for the standby", func() bool { return admin(cancel) != "0" })
	if err := <-done; !errors.Is(err, store.ErrOutcomeUnknown) {
		t.Errorf("a commit that only the primary has: %v, want %v", err, store.ErrOutcomeUnknown)
	}
}

// waitsForStandby commits a message on one connection and reports whether the commit waited. Another connection ends the wait.
func waitsForStandby(commit, admin func(sql string) string, cancel string) (waited bool) {
	ended := make(chan struct{})
	go func() {
		commit(`SELECT pg_logical_emit_message(true, 'probe', '')`)
		close(ended)
	}()
	for {
		select {
		case <-ended:
			return waited
		case <-time.After(5 * time.Millisecond):
			waited = admin(cancel) != "0" || waited
		}
	}
}
