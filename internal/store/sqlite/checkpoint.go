package sqlite

import (
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// These constants set when the log is moved into the database.
const (
	lookEvery  = 16                    // most commits between two checks of the log's length
	lookWork   = 256                   // most closures and records between two checks: a large commit adds thousands of pages
	pressTime  = 50 * time.Millisecond // longest wait of the writer for old snapshots when the log has reached its limit
	pressEvery = 2 * time.Second       // the shortest time between two such waits
)

// mover moves most of the log into the database while the writer works. The mover has its own connection and goroutine, because copying
// pages needs no lock that a commit needs. The writer moves the pages that were written meanwhile. Only the writer can move the whole log.
// SQLite then writes the log again from its beginning.
type mover struct {
	c     *conn
	begin chan struct{} // asks for a move
	ended chan error    // the result; the writer takes it before it asks again
	busy  bool          // a move was asked for and its result is not taken yet; used by the writer only
	since int           // number of commits since the last check; used by the writer only
	work  int           // number of closures and records since the last check; used by the writer only
}

func newMover(c *conn) mover {
	return mover{c: c, begin: make(chan struct{}, 1), ended: make(chan error, 1), since: lookEvery}
}

// move is the mover's goroutine.
func (e *Engine) move() {
	for range e.mover.begin {
		_, _, err := moveLog(e.mover.c, "PASSIVE")
		if err == nil { // also move the pages written meanwhile, so that little is left for the writer
			_, _, err = moveLog(e.mover.c, "PASSIVE")
		}
		e.mover.ended <- err
	}
}

// checkpoint moves the log into the database when it has grown. While a reader holds an old snapshot, the log cannot be moved and keeps
// growing (Stats.LogPages). The parameter work is how many closures and records the last commit had.
func (e *Engine) checkpoint(work int) {
	e.mover.since++
	e.mover.work += work
	if e.mover.busy {
		select {
		case err := <-e.mover.ended:
			e.mover.busy = false
			if err == nil {
				_, _, err = moveLog(e.writer, "PASSIVE")
			}
			e.moved(err)
		default:
		}
		return
	}
	if e.mover.since < lookEvery && e.mover.work < lookWork {
		return
	}
	e.mover.since = 0
	e.mover.work = 0
	all, left, err := moveLog(e.writer, "NOOP")
	e.counts.log(all)
	switch {
	case err != nil:
	case all >= e.sizes.insist && time.Since(e.pressed) > pressEvery:
		e.pressed = time.Now()
		e.counts.countLogWait()
		e.writer.c.SetBusyTimeout(pressTime)
		_, _, err = moveLog(e.writer, "RESTART")
		e.writer.c.SetBusyTimeout(busyTimeout)
	case left >= e.sizes.move:
		e.mover.busy = true
		e.mover.begin <- struct{}{}
	}
	e.moved(err)
}

// moved handles the result of moving the log.
func (e *Engine) moved(err error) {
	if err == nil || errors.Is(err, store.ErrBusy) {
		return
	}
	e.log.Warn("checkpoint did not finish", logkey.Err, err)
	if errors.Is(err, store.ErrFull) {
		e.fullDisk(err)
		return
	}
	// The commits are safe in the log. But after a failed fsync of the database, the next fsync may succeed without writing anything, and
	// SQLite would then overwrite the log.
	e.fit.Stop(fmt.Errorf("move the log into the database: %w", err))
}

// moveLog runs a checkpoint of the given kind and reports how many pages the log has and how many of them are not in
// the database yet.
func moveLog(c *conn, kind string) (all, left int, err error) {
	c.fault = nil
	err = c.Query("PRAGMA wal_checkpoint("+kind+")", func(r core.Row) error {
		all, left = int(r.Int(1)), int(r.Int(1)-r.Int(2))
		return nil
	})
	return all, left, err
}
