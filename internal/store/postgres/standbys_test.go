package postgres_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// followed is a database of its own server whose commits wait for any standby, with a server of Paywatt that watches.
func followed(t *testing.T, o postgres.Options) (*pgtest.Cluster, *postgres.Engine, func(sql string) string) {
	t.Helper()
	tier.Slow(t)
	c, err := pgtest.Start()
	if err != nil {
		pgtest.Missing(t, err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	o.Dir, o.SealEvery, o.Writers, o.Watch = cmp.Or(o.Dir, t.TempDir()), -1, 2, true
	e := openOn(t, c.URL("postgres"), o)
	if _, err := do(e, take1); err != nil {
		t.Fatal(err)
	}
	admin := pgtest.Admin(t, c.URL("postgres"))
	t.Cleanup(func() { // so that the last commits and the server can end
		admin(`ALTER SYSTEM RESET synchronous_standby_names`)
		admin(`SELECT pg_reload_conf()`)
	})
	return c, e, admin
}

// follow starts a standby that a commit may wait for.
func follow(t *testing.T, c *pgtest.Cluster, admin func(string) string, name string) (end func()) {
	t.Helper()
	before := admin(`SELECT COUNT(*) FROM pg_stat_replication WHERE state = 'streaming'`)
	end, err := c.Follow(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	await.True(t, "standby "+name+" follows", func() bool {
		return admin(`SELECT COUNT(*) FROM pg_stat_replication WHERE state = 'streaming'`) > before
	})
	return end
}

func (w waitsFor) set(admin func(string) string) {
	admin(`ALTER SYSTEM SET synchronous_standby_names = '` + string(w) + `'`)
	admin(`SELECT pg_reload_conf()`)
}

// waitsFor is a value of synchronous_standby_names.
type waitsFor string

// TestAServerKnowsItsStandbys: an engine counts the standbys of its database, and says within 10 s that one is missing, that none is left, and
// that they are back. A database without standbys is no cluster.
func TestAServerKnowsItsStandbys(t *testing.T) {
	c, e, admin := followed(t, postgres.Options{})
	is := func(want store.Safety, following int) {
		t.Helper()
		await.True(t, string(want), func() bool {
			s := e.Standbys()
			return !s.At.IsZero() && s.Safety() == want && s.Following == following
		})
	}
	is(store.SafetyAlone, 0)
	endA := follow(t, c, admin, "a")
	endB := follow(t, c, admin, "b")
	waitsFor("ANY 1 (*)").set(admin)
	is(store.SafetyFull, 2)
	if v, err := do(e, take1); err != nil {
		t.Errorf("with two standbys: %v, %v", v, err)
	}
	endA()
	is(store.SafetyReduced, 1)
	if _, err := do(e, take1); err != nil || e.Health() != nil {
		t.Errorf("with one of two standbys: %v, health %v", err, e.Health())
	}
	endB()
	is(store.SafetyStopped, 0)
	if err := e.Health(); !errors.Is(err, postgres.ErrNoFollower) {
		t.Errorf("without a standby: health %v, want %v", err, postgres.ErrNoFollower)
	}
	for _, run := range []func() (value, error){
		func() (value, error) { return do(e, take1) }, func() (value, error) { return sharing(e, take1) }, func() (value, error) { return sharing(e, take1) },
	} {
		if _, err := run(); !errors.Is(err, postgres.ErrNoFollower) || !errors.Is(err, store.ErrBusy) {
			t.Errorf("a commit without a standby: %v, want %v", err, postgres.ErrNoFollower)
		}
	}
	if v := admin(`SELECT value FROM counter WHERE name = 'a'`); v != "3" {
		t.Errorf("the counter is at %s after refused commits, want 3", v)
	}
	follow(t, c, admin, "a2")
	is(store.SafetyReduced, 1)
	if v, err := do(e, take1); err != nil || v.n != 4 || e.Health() != nil {
		t.Errorf("after the return of a standby: %d, %v, health %v; want 4", v.n, err, e.Health())
	}
}

// standsAt waits until an engine has read that so many standbys follow, and judged it.
func standsAt(t *testing.T, e *postgres.Engine, want store.Safety, following, expected int) {
	t.Helper()
	await.True(t, fmt.Sprintf("%s, %d of %d follow", want, following, expected), func() bool {
		s := e.Standbys()
		return !s.At.IsZero() && s.Safety() == want && s.Following == following && s.Expected == expected
	})
}

// TestALostStandbyIsMissedAfterARestart: where no setting says how many standbys should follow, servers remember how many did while commits
// waited for one, until a person says otherwise. A base backup that is being made is no standby.
func TestALostStandbyIsMissedAfterARestart(t *testing.T) {
	o := postgres.Options{Dir: t.TempDir(), SealEvery: -1, Writers: 2, Watch: true}
	c, e, admin := followed(t, o)
	url := c.URL("postgres")
	endA := follow(t, c, admin, "a")
	follow(t, c, admin, "b")
	endBackup := follow(t, c, admin, "pg_basebackup")
	waitsFor("ANY 1 (a, b)").set(admin)
	await.True(t, "the number is stored", func() bool { return admin(`SELECT value FROM meta WHERE key = 'standbys'`) == "2" })
	standsAt(t, e, store.SafetyFull, 2, 2)
	endBackup()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	endA()
	e = openOn(t, url, o)
	standsAt(t, e, store.SafetyReduced, 1, 2)
	if s, err := postgres.LookAtStandbys(t.Context(), url, 0); err != nil || s.Safety() != store.SafetyReduced || s.Expected != 2 {
		t.Errorf("a command sees %+v (%s), %v; want one of two", s, s.Safety(), err)
	}
	for _, declared := range []struct {
		standbys, expected int
		want               store.Safety
	}{{0, 2, store.SafetyReduced}, {3, 3, store.SafetyReduced}, {1, 1, store.SafetyFull}} {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if err := postgres.DeclareStandby(t.Context(), url, true, declared.standbys); err != nil {
			t.Fatal(err)
		}
		e = openOn(t, url, o)
		standsAt(t, e, declared.want, 1, declared.expected)
	}
}

// TestAServerKnowsTheTimeline: an engine and a command say on which timeline the primary is, also after a promotion.
func TestAServerKnowsTheTimeline(t *testing.T) {
	tier.Slow(t)
	c, err := pgtest.Start()
	if err != nil {
		pgtest.Missing(t, err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	e := openOn(t, c.URL("postgres"), postgres.Options{Dir: t.TempDir(), SealEvery: -1, Writers: 2, Watch: true})
	says := func(want int64) {
		t.Helper()
		await.True(t, fmt.Sprintf("the engine sees timeline %d", want), func() bool { return e.Standbys().Timeline == want })
		if s, err := postgres.LookAtStandbys(t.Context(), c.URL("postgres"), 0); err != nil || s.Timeline != want {
			t.Errorf("a command sees timeline %d, %v; want %d", s.Timeline, err, want)
		}
	}
	says(1)
	if err := c.Promote(); err != nil {
		t.Fatal(err)
	}
	says(2)
}

// TestNoDeclarationForgetsTheStandbys: a database that is taken out of a cluster raises nothing after a person said so.
func TestNoDeclarationForgetsTheStandbys(t *testing.T) {
	o := postgres.Options{Dir: t.TempDir(), SealEvery: -1, Writers: 2, Watch: true}
	c, e, admin := followed(t, o)
	end := follow(t, c, admin, "a")
	waitsFor("ANY 1 (*)").set(admin)
	await.True(t, "the number is stored", func() bool { return admin(`SELECT value FROM meta WHERE key = 'standbys'`) == "1" })
	waitsFor("").set(admin)
	end()
	standsAt(t, e, store.SafetyReduced, 0, 1)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openOn(t, c.URL("postgres"), o)
	standsAt(t, e, store.SafetyReduced, 0, 1)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := postgres.DeclareStandby(t.Context(), c.URL("postgres"), false, 0); err != nil {
		t.Fatal(err)
	}
	standsAt(t, openOn(t, c.URL("postgres"), o), store.SafetyAlone, 0, 0)
}

// TestACommitWithoutAStandbyEndsInTime: the last standby is lost after the transaction has looked for it. The caller hears in time that the
// outcome is unknown. Nobody sees the commit until a standby has it, and then everybody does.
func TestACommitWithoutAStandbyEndsInTime(t *testing.T) {
	c, e, admin := followed(t, postgres.Options{})
	end := follow(t, c, admin, "a")
	waitsFor("ANY 1 (*)").set(admin)
	await.True(t, "the standby is synchronous", func() bool { return e.Standbys().Synchronous == 1 })
	postgres.LimitCommits(e, time.Second) // only now: on a slow machine the commits before may take longer
	_, err := do(e, func(tx *store.Tx) (value, error) {
		v, err := take1(tx)
		end()
		return v, err
	})
	if !errors.Is(err, store.ErrOutcomeUnknown) {
		t.Errorf("a commit that no standby confirms: %v, want %v", err, store.ErrOutcomeUnknown)
	}
	const waiting = `SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
	time.Sleep(2 * time.Second) // a cancellation would arrive meanwhile
	if n, v := admin(waiting), admin(`SELECT value FROM counter WHERE name = 'a'`); n != "1" || v != "1" {
		t.Errorf("%s commits wait and the counter is at %s, want 1 and 1: only the primary has this commit", n, v)
	}
	follow(t, c, admin, "b")
	await.True(t, "the commit is there", func() bool { return admin(`SELECT value FROM counter WHERE name = 'a'`) == "2" })
	await.True(t, "a closure works again", func() bool { v, err := do(e, take1); return err == nil && v.n >= 3 })
	await.True(t, "the engine is well", func() bool { return e.Health() == nil })
}

// TestARoleWithoutRightsSeesConnections: a role that may not read the state of standbys still sees that one is connected, and that none is.
func TestARoleWithoutRightsSeesConnections(t *testing.T) {
	c, _, admin := followed(t, postgres.Options{})
	end := follow(t, c, admin, "a")
	admin(`CREATE ROLE plain LOGIN`)
	look := func() store.Standbys {
		s, err := postgres.LookAtStandbys(context.Background(), c.URLOf("plain", "postgres"), 1)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	waitsFor("ANY 1 (*)").set(admin)
	if s := look(); !s.Hidden || s.Safety() != store.SafetyFull {
		t.Errorf("a plain role sees %+v (%s), want one hidden standby", s, s.Safety())
	}
	end()
	await.True(t, "the plain role sees that none follows", func() bool { return look().Safety() == store.SafetyStopped })
	follow(t, c, admin, "b")
	admin(`GRANT pg_monitor TO plain`)
	if s := look(); s.Hidden {
		t.Errorf("with pg_monitor it sees %+v, want the state of the standby", s)
	}
	await.True(t, "with pg_monitor it sees one synchronous standby", func() bool { return look().Synchronous == 1 })
}

// TestTrialsWaitForNoStandby: the trials end while every commit waits for a standby that is away, because that is when somebody runs them.
func TestTrialsWaitForNoStandby(t *testing.T) {
	c, _, admin := followed(t, postgres.Options{})
	waitsFor("nobody").set(admin)
	await.True(t, "commits wait", func() bool { return admin(`SHOW synchronous_standby_names`) == "nobody" })
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	trials, err := postgres.Try(ctx, c.URL("postgres"))
	if err != nil || len(trials) < 10 {
		t.Errorf("%d trials, %v", len(trials), err)
	}
	for _, one := range trials {
		if one.Err != nil {
			t.Errorf("%s: %v", one.Name, one.Err)
		}
	}
}

// TestWhatSaysHowTheDatabaseIsNeedsNoStandby: while no standby follows, nothing is stored but what says so, and everybody sees it at once. Servers
// that say it at the same time say it once.
func TestWhatSaysHowTheDatabaseIsNeedsNoStandby(t *testing.T) {
	_, e, admin := followed(t, postgres.Options{})
	waitsFor("nobody").set(admin)
	standsAt(t, e, store.SafetyStopped, 0, 1)
	alarm := metering.Alarm{Code: "standby-missing", Text: "none follows"}
	other := make(chan error, 1)
	raise := func(tx *store.Tx) error { return tx.UpdateAlarm(0, alarm) }
	const waits = `SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'advisory'`
	err := e.RunUnreplicated(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		err := raise(tx)
		go func() { other <- e.RunUnreplicated(t.Context(), store.FirstTenant, raise) }()
		await.True(t, "the other server waits or has ended", func() bool { return len(other) > 0 || admin(waits) == "1" })
		return err
	})
	if again := await.Receive(t, "the other server has ended", other); err != nil || again != nil {
		t.Fatal(err, again)
	}
	if open := admin(`SELECT COUNT(*) FROM alarm WHERE code = 'standby-missing' AND text = 'none follows' AND cleared_at IS NULL`); open != "1" {
		t.Errorf("%s alarms are open, want 1", open)
	}
	if _, err := do(e, take1); !errors.Is(err, postgres.ErrNoFollower) {
		t.Errorf("anything else: %v, want %v", err, postgres.ErrNoFollower)
	}
	failed := errors.New("failed")
	if err := e.RunUnreplicated(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		return errors.Join(tx.ClearAlarm(0, alarm.Code), failed)
	}); !errors.Is(err, failed) {
		t.Errorf("a closure that failed: %v, want %v", err, failed)
	}
	if open := admin(`SELECT COUNT(*) FROM alarm WHERE cleared_at IS NULL`); open != "1" {
		t.Errorf("%s alarms are open after a closure that failed, want 1", open)
	}
}
