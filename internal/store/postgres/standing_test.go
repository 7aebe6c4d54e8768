package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// past changes what the database knows of its server, so that the server seems to be another one.
const (
	olderTimeline = `UPDATE meta SET value = split_part(value, '/', 1) || '/00000000' WHERE key = 'history'`
	newerTimeline = `UPDATE meta SET value = split_part(value, '/', 1) || '/000000FF' WHERE key = 'history'`
	otherServer   = `UPDATE meta SET value = '1/' || split_part(value, '/', 2) WHERE key = 'history'`
	askEpoch      = `SELECT value FROM meta WHERE key = 'epoch'`
	declare       = `INSERT INTO meta (key, value) VALUES ('standby', 'synchronous') ON CONFLICT (key) DO UPDATE SET value = 'synchronous'`
	cut           = `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
)

func take1(tx *store.Tx) (value, error) { n, err := tx.Take("a"); return value{n: n}, err }

// TestAPromotionBeginsAnEpochOnce: two servers are connected when the database turns out to be on another server. The epoch begins once, and
// both servers use it.
func TestAPromotionBeginsAnEpochOnce(t *testing.T) {
	database, dir := pgtest.New(t), t.TempDir()
	open := func() *postgres.Engine {
		return openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1, Writers: 2})
	}
	servers := []*postgres.Engine{open(), open()}
	admin := pgtest.Admin(t, database)
	for i, happens := range []string{olderTimeline, newerTimeline, otherServer} {
		for _, e := range servers {
			if _, err := do(e, take1); err != nil {
				t.Fatal(err)
			}
		}
		admin(happens)
		// A terminated connection may still serve what it has read.
		await.True(t, "the connections have ended", func() bool { return admin(cut) == "0" })
		for n, e := range servers {
			v, err := do(e, func(tx *store.Tx) (value, error) { _, err := tx.Take("a"); return value{n: tx.Epoch}, err })
			if err != nil || v.n != int64(i+2) {
				t.Errorf("%s: server %d is in epoch %d (%v), want %d", happens, n, v.n, err, i+2)
			}
		}
	}
	if got := admin(askEpoch); got != "4" {
		t.Errorf("the database is in epoch %s, want 4", got)
	}
	if err := servers[0].Close(); err != nil {
		t.Error(err)
	}
	if open(); admin(askEpoch) != "4" {
		t.Error("another start on the same server began an epoch")
	}
}

// TestAFormerPrimaryBeginsAnEpochOnce: a primary takes over again without the timeline that two servers have seen. Many connections find
// that at the same time, and the epoch begins once.
func TestAFormerPrimaryBeginsAnEpochOnce(t *testing.T) {
	database, dir := pgtest.New(t), t.TempDir()
	admin := pgtest.Admin(t, database)
	servers := make([]*postgres.Engine, 2)
	for i := range servers {
		servers[i] = openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1, Writers: 4})
	}
	if _, err := do(servers[0], take1); err != nil {
		t.Fatal(err)
	}
	for _, e := range servers {
		postgres.Saw(e)
	}
	await.True(t, "the connections have ended", func() bool { return admin(cut) == "0" })
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			if _, err := do(servers[n%2], take1); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := admin(askEpoch); got != "2" {
		t.Errorf("the database is in epoch %s, want 2", got)
	}
}

// TestASynchronousStandbyKeepsTheEpoch: where every commit waits for a standby, only a server without the newest timeline lacks anything.
func TestASynchronousStandbyKeepsTheEpoch(t *testing.T) {
	for happens, want := range map[string]string{olderTimeline: "1", newerTimeline: "2", otherServer: "2"} {
		database, dir := pgtest.New(t), t.TempDir()
		if err := openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1}).Close(); err != nil {
			t.Fatal(err)
		}
		admin := pgtest.Admin(t, database)
		admin(declare)
		admin(happens)
		openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1})
		if got := admin(askEpoch); got != want {
			t.Errorf("%s: epoch %s, want %s", happens, got, want)
		}
	}
}

// TestNothingIsCommittedWithoutTheDeclaredStandby: a server of a store that was declared to have a synchronous standby does not commit where
// there is none.
func TestNothingIsCommittedWithoutTheDeclaredStandby(t *testing.T) {
	database, dir := pgtest.New(t), t.TempDir()
	e := openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1})
	if _, err := do(e, take1); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := postgres.DeclareStandby(context.Background(), database, true, 0); !errors.Is(err, postgres.ErrNoStandby) {
		t.Errorf("declaring a standby that is not configured: %v, want %v", err, postgres.ErrNoStandby)
	}
	admin := pgtest.Admin(t, database)
	admin(declare)
	e = openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1})
	for _, run := range []func(*postgres.Engine, func(*store.Tx) (value, error)) (value, error){
		func(e *postgres.Engine, fn func(*store.Tx) (value, error)) (value, error) { return do(e, fn) },
		func(e *postgres.Engine, fn func(*store.Tx) (value, error)) (value, error) { return sharing(e, fn) },
	} {
		if _, err := run(e, take1); !errors.Is(err, postgres.ErrNoStandby) || !errors.Is(err, store.ErrBusy) {
			t.Errorf("a commit without the standby: %v, want %v", err, postgres.ErrNoStandby)
		}
	}
	if err := e.Health(); !errors.Is(err, postgres.ErrNoStandby) {
		t.Errorf("health: %v, want %v", err, postgres.ErrNoStandby)
	}
	look(t, e, `SELECT value FROM counter WHERE name = 'a'`, 1)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := postgres.DeclareStandby(context.Background(), database, false, 0); err != nil {
		t.Fatal(err)
	}
	if v, err := do(openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1}), take1); err != nil || v.n != 2 {
		t.Errorf("without the declaration: %d, %v; want 2", v.n, err)
	}
}
