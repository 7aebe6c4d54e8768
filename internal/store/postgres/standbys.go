package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
)

// A commit that waits for a synchronous standby waits for ever if none follows. So a transaction asks first whether one does (askClock), and
// refuses before it has written anything. A standby that is lost afterwards, between this question and the commit, leaves an outcome that
// nobody knows: after commitTime its callers hear so. PostgreSQL must not cancel the wait: it would then show the commit to everybody, though
// only this one machine has it. So the connection is dropped, and the commit goes on waiting.

// Times of standbys.
const (
	standbyTime = 10 * time.Second // how long closures wait for a standby to follow again before they are refused
	commitTime  = 10 * time.Second // the longest wait for the answer to COMMIT
)

// ErrNoFollower: commits wait for a synchronous standby, and none follows.
var ErrNoFollower = errors.New("no synchronous standby follows the database, so nothing can be stored on two machines")

// askFollows reads whether a commit of this server that waits for a standby would find one. A role that may not read the state of standbys sees
// only that they are connected.
const askFollows = "EXISTS (SELECT FROM pg_stat_get_wal_senders() WHERE sync_state IS NULL OR sync_state IN ('sync', 'quorum'))"

// askStandbys reads which standbys follow, with whether commits wait for one in the first column. A row without a process stands for none. The
// connections of a base backup receive the log too while the backup is made, and are no standbys.
const askStandbys = "SELECT " + askStandby + `, coalesce(w.pid, 0), coalesce(w.state, ''), coalesce(w.sync_state, ''),
	coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), w.flush_lsn), 0)::bigint, ` + askTimeline + `
	FROM (SELECT) one LEFT JOIN pg_stat_replication w ON w.application_name <> 'pg_basebackup'`

// metaStandbys is the key of the table meta with the most standbys that have followed at the same time while commits waited for one, or with as
// many as the operator has declared since. It is there for databases whose servers have no setting for it: after a restart, a cluster that has
// lost a standby must not look whole.
const metaStandbys = "standbys"

// lack is why commits cannot be stored on a standby now.
type lack struct {
	since time.Time
	why   error
}

// standbys is what an engine knows about the standbys of its database.
type standbys struct {
	set    int                  // how many the operator has declared; 0: as many as have followed at the same time
	seen   int                  // the most that this engine has seen follow at the same time; of the goroutine that watches
	last   atomic.Value         // store.Standbys
	lacked atomic.Pointer[lack] // nil while commits can be stored
}

// note notes whether commits can be stored now.
func (s *standbys) note(why error) {
	switch was := s.lacked.Load(); {
	case why == nil:
		s.lacked.Store(nil)
	case was == nil:
		s.lacked.CompareAndSwap(nil, &lack{since: time.Now(), why: why})
	}
}

// lack returns why commits cannot be stored now, or nil.
func (s *standbys) lack() error {
	if l := s.lacked.Load(); l != nil {
		return l.why
	}
	return nil
}

// lacks returns why the transaction of this connection could not be committed, or nil. The parameter must says whether the operator has
// declared that every commit waits for a standby.
func (c *conn) lacks(must bool) error {
	switch {
	case !c.standby && must:
		return ErrNoStandby
	case c.standby && !c.follows:
		return ErrNoFollower
	}
	return nil
}

// waits returns an error if a commit could not be stored on a standby although it must be.
func (e *Engine) waits(c *conn) error {
	why := c.lacks(e.synchronous.Load())
	e.standbys.note(why)
	if why == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("%w: %w", store.ErrBusy, why), c.rollback())
}

// awaits reports whether a closure that failed should run again because a standby may follow again soon, as after a promotion.
func (e *Engine) awaits(err error) bool {
	if !errors.Is(err, ErrNoFollower) || e.closed() {
		return false
	}
	l := e.standbys.lacked.Load()
	return l == nil || time.Since(l.since) < standbyTime
}

// Standbys returns what the engine last read about the standbys of its database.
func (e *Engine) Standbys() store.Standbys {
	s, _ := e.standbys.last.Load().(store.Standbys)
	return s
}

// watchStandbys reads again and again which standbys follow, until the engine is closed.
func (e *Engine) watchStandbys() {
	var c *conn
	defer func() { c.drop() }()
	tick := time.NewTicker(store.StandbyEvery)
	defer tick.Stop()
	for {
		c = e.lookAtStandbys(c)
		select {
		case <-e.closing:
			return
		case <-tick.C:
		}
	}
}

// lookAtStandbys reads once which standbys follow. It returns the connection for the next time; nil if it was lost.
func (e *Engine) lookAtStandbys(c *conn) *conn {
	ctx, cancel := context.WithTimeout(context.Background(), dialTime)
	defer cancel()
	if !c.alive() {
		var err error
		if c, err = e.connect(ctx); err != nil {
			return nil // Health says so
		}
	}
	c.ctx, c.fault = ctx, nil
	seen, err := c.readFollowers()
	if err != nil {
		c.drop()
		return nil
	}
	remembered, err := c.number(askRemembered, metaStandbys)
	if err != nil {
		c.drop()
		return nil
	}
	was, s := e.Standbys(), seen.judgeStandbys(e.clock.now(), e.standbys.set, max(e.standbys.seen, int(remembered)))
	e.standbys.seen = max(e.standbys.seen, s.Following)
	e.standbys.last.Store(s)
	c.standby, c.follows = seen.waits, s.Synchronous > 0
	e.standbys.note(c.lacks(e.synchronous.Load()))
	e.tellStandbys(was, s)
	if s.Synchronous > 0 && seen.waits && s.Following > int(remembered) {
		if err := e.rememberStandbys(c, s.Following); err != nil {
			e.log.Warn("number of standbys not stored", logkey.Err, err)
		}
	}
	return c
}

// askRemembered reads metaStandbys; 0 if nothing is remembered.
const askRemembered = `SELECT CAST(value AS BIGINT) FROM meta WHERE key = $1`

// rememberStandbys stores how many standbys have followed at the same time. Its commit waits for no standby: one that is lost now must not keep this
// goroutine from saying so. If the primary is lost with the number, another server or the next look stores it.
func (e *Engine) rememberStandbys(c *conn, n int) error {
	return c.withinUnreplicated(func() error {
		return putStandbys(store.NewTx(c, store.FirstTenant, e.clock.now(), e.opt.Rand, 0, nil), n)
	})
}

// unreplicatedLock is the number of the advisory lock with which one server at a time runs [Engine.RunUnreplicated].
const unreplicatedLock = migrationLock + 2

// RunUnreplicated runs fn in a transaction that only the primary has when RunUnreplicated returns nil, because its commit waits for no standby.
// Such a transaction may be lost with the primary. So fn may store only what says how the database is: while no standby follows, nothing else
// can say it. All servers see the same database and come at the same time, so one of them at a time runs it.
func (e *Engine) RunUnreplicated(ctx context.Context, t access.Tenant, fn func(*store.Tx) error) error {
	if err := e.fit.Refuses(); err != nil {
		return err
	}
	c, err := e.connect(ctx)
	if err != nil {
		return err
	}
	defer c.drop()
	ctx, cancel := context.WithTimeout(ctx, workTime)
	defer cancel()
	c.ctx = ctx
	tx := e.newTx(c, t)
	err = c.withinUnreplicated(func() error {
		if _, err := c.plain(fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", unreplicatedLock)); err != nil {
			return err
		}
		_, err := tx.Finish(false, fn(tx))
		return err
	})
	if err == nil && len(tx.Due) > 0 && e.opt.Due != nil {
		e.opt.Due(tx.Due)
	}
	return err
}

// withinUnreplicated runs work in a transaction whose commit waits for no standby.
func (c *conn) withinUnreplicated(work func() error) error {
	return c.within(func() error {
		if _, err := c.plain("SET LOCAL synchronous_commit = local"); err != nil {
			return err
		}
		return work()
	})
}

// putStandbys stores how many standbys should follow where no setting says so; 0 to forget it.
func putStandbys(tx *store.Tx, n int) error { return tx.PutMeta(metaStandbys, strconv.Itoa(n)) }

// tellStandbys logs a change.
func (e *Engine) tellStandbys(was, is store.Standbys) {
	if was.Following == is.Following && was.Safety() == is.Safety() {
		return
	}
	say := e.log.Info
	if s := is.Safety(); s == store.SafetyReduced || s == store.SafetyStopped {
		say = e.log.Warn
	}
	say("standbys of the database counted", logkey.Count, is.Following, logkey.Expected, is.Expected, logkey.State, string(is.Safety()))
}

// followers is what a primary says about its standbys.
type followers struct {
	waits    bool // whether commits wait for a standby
	timeline int64
	all      []store.Follower
}

func (f followers) judgeStandbys(at time.Time, set, seen int) store.Standbys {
	s := store.JudgeStandbys(at, f.waits, f.all, set, seen)
	s.Timeline = f.timeline
	return s
}

// readFollowers reads which standbys follow.
func (c *conn) readFollowers() (f followers, err error) {
	results, err := c.script(askStandbys)
	if err != nil {
		return f, err
	}
	for _, r := range results[len(results)-1].Rows {
		f.waits = string(r[0]) == "t"
		if f.timeline, err = strconv.ParseInt(string(r[5]), 16, 64); err != nil {
			return f, fmt.Errorf("read the timeline of the primary: %w", err)
		}
		if string(r[1]) == "0" {
			continue
		}
		lag, err := strconv.ParseInt(string(r[4]), 10, 64)
		if err != nil {
			return f, fmt.Errorf("read how far a standby is behind: %w", err)
		}
		f.all = append(f.all, store.Follower{State: string(r[2]), Sync: string(r[3]), Lag: lag})
	}
	return f, nil
}

// LookAtStandbys reads which standbys follow the database at url, for a command. The parameter set is how many should follow, 0 if no setting
// says so.
func LookAtStandbys(ctx context.Context, url string, set int) (store.Standbys, error) {
	config, err := parse(url)
	if err != nil {
		return store.Standbys{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := dial(ctx, config)
	if err != nil {
		return store.Standbys{}, err
	}
	defer c.drop()
	c.ctx = ctx
	seen, err := c.readFollowers()
	if err != nil {
		return store.Standbys{}, err
	}
	remembered := int64(0)
	readable, err := c.text("SELECT coalesce(has_table_privilege(to_regclass('meta'), 'SELECT'), false)") // a new database has no tables yet
	if err == nil && readable == "t" {
		remembered, err = c.number(askRemembered, metaStandbys)
	}
	return seen.judgeStandbys(time.Now(), set, int(remembered)), err
}
