package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
)

// A standby that was promoted, and a database that was restored, may lack acknowledged commits. Then numbers that they used must not be
// used again, so the database begins a new store epoch ([store.Tx.BeginEpoch]). Every new connection looks for this:
//
//	the same history as before           nothing has happened
//	another timeline of the same server  promoted: a new epoch, unless it is a newer one and every commit waited for a synchronous standby
//	another server                       restored or copied: a new epoch
//
// Nobody can see from a database whether its commits waited for a standby. The operator says so ([DeclareStandby]); from then on this engine
// commits only while the server has a synchronous standby configured.

// Keys of the table meta, and the value of metaStandby if every commit waits for a standby; otherwise it has no row.
const (
	metaHistory     = "history" // system identifier and timeline of the server on which the present epoch is in force
	metaStandby     = "standby"
	metaSynchronous = "synchronous"
)

// askHistory reads the identity of the server's log: the system identifier, which every database cluster draws once, and the timeline, which
// each promotion raises.
const askHistory = `SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/' || ` + askTimeline

// askTimeline is the timeline alone, in hexadecimal digits. Only a primary can say it.
const askTimeline = `substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)`

// askStanding reads what [Engine.standing] judges.
const askStanding = askHistory + `, coalesce((SELECT value FROM meta WHERE key = '` + metaHistory + `'), ''),
	coalesce((SELECT value FROM meta WHERE key = '` + metaStandby + `'), ''), (SELECT value FROM meta WHERE key = 'epoch')`

// askStandby reads whether a commit waits until a standby has it on its disk.
const askStandby = "current_setting('synchronous_standby_names') <> '' AND current_setting('synchronous_commit') IN ('on', 'remote_apply')"

// ErrNoStandby: commits would not wait for a standby, although the operator has declared that they do.
var ErrNoStandby = errors.New("the database has no synchronous standby configured, though this store was declared to have one")

// standing is what a connection finds about its server.
type standing struct {
	history, before string // of the server now, and of the server on which the epoch is in force; empty in a database of an older version
	synchronous     bool
	epoch           int64
}

// lacks reports whether the server may lack acknowledged commits: it is another one, it was promoted and not every commit waited for a
// standby, or it is a former primary that took over again without the commits of the one in between.
func (s standing) lacks() bool {
	if s.before == "" || s.before == s.history {
		return false
	}
	return system(s.before) != system(s.history) || !s.synchronous || s.history < s.before
}

// system returns the system identifier of a history.
func system(history string) string { before, _, _ := strings.Cut(history, "/"); return before }

// standing reads the standing of the connection's server. The parameters are the history that this engine saw last, and the epoch in force
// then. If that history is newer than the server's, the server has lost it. A newer epoch says that another connection has seen to that.
func (c *conn) standing(seen string, known int64) (s standing, err error) {
	results, err := c.script(askStanding)
	if err != nil {
		return s, err
	}
	row := results[len(results)-1].Rows[0]
	s.history, s.before, s.synchronous = string(row[0]), string(row[1]), string(row[2]) == metaSynchronous
	s.epoch, err = strconv.ParseInt(string(row[3]), 10, 64)
	if system(seen) == system(s.history) && seen > s.history && s.epoch <= known {
		s.before = seen
	}
	return s, err
}

// stand looks at the server of a new connection. It begins a new store epoch if that is needed, and takes over the epoch that is in force.
func (e *Engine) stand(c *conn) error {
	known := e.epoch.Load()
	seen := e.seen.Load().(string)
	s, err := c.standing(seen, known)
	if err == nil && s.history != s.before {
		s, err = e.succeed(c, seen, known)
	}
	if err != nil {
		return err
	}
	e.seen.Store(s.history) // before the epoch, which other connections read first
	e.epoch.Store(s.epoch)
	e.synchronous.Store(s.synchronous)
	return nil
}

// succeed records the server's history. One of several servers that arrive at the same time begins the epoch.
func (e *Engine) succeed(c *conn, seen string, known int64) (s standing, err error) {
	began := false
	err = c.within(func() error {
		if _, err := c.text(`SELECT value FROM meta WHERE key = 'epoch' FOR UPDATE`); err != nil {
			return err
		}
		if s, err = c.standing(seen, known); err != nil || s.history == s.before {
			return err
		}
		tx := store.NewTx(c, store.FirstTenant, e.clock.now(), e.opt.Rand, s.epoch, nil)
		if began = s.lacks(); began {
			clock, err := tx.VendClock()
			if err != nil {
				return err
			}
			if s.epoch, err = tx.BeginEpoch(clock.LastTrusted, store.Branch{}); err != nil {
				return err
			}
		}
		return tx.PutMeta(metaHistory, s.history)
	})
	switch {
	case err != nil:
		return s, fmt.Errorf("record the history of the database's server: %w", err)
	case began:
		e.log.Warn("the database was promoted or restored and may lack commits: new store epoch", logkey.Version, s.epoch, logkey.Reason, s.before+" became "+s.history)
	case s.before != "" && s.before != s.history:
		e.log.Info("the database was promoted from a synchronous standby", logkey.Reason, s.before+" became "+s.history)
	}
	return s, nil
}

// DeclareStandby records whether every commit of the database at url waits for a synchronous standby. If it does, a promotion loses nothing
// and begins no store epoch, and servers commit only while the server of the database has a synchronous standby configured. The declaration
// holds for commits after it, so it needs such a standby now ([ErrNoStandby]) and waits for it. No server may run on the database.
//
// The parameter standbys is how many should follow, 0 to leave the number that is stored. Without synchronous, the number is forgotten.
func DeclareStandby(ctx context.Context, url string, synchronous bool, standbys int) error {
	return unservedDo(ctx, url, func(c *conn, o Options) error {
		tx := store.NewTx(c, store.FirstTenant, o.Now(), o.Rand, 0, nil)
		if !synchronous {
			return errors.Join(tx.PutMeta(metaStandby, ""), putStandbys(tx, 0))
		}
		waits, err := c.text("SELECT " + askStandby)
		if err == nil && waits != "t" {
			err = ErrNoStandby
		}
		if err == nil && standbys > 0 {
			err = putStandbys(tx, standbys)
		}
		if err != nil {
			return err
		}
		return tx.PutMeta(metaStandby, metaSynchronous) // the COMMIT itself waits for the standby
	})
}
