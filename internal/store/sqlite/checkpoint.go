package sqlite

import (
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// How the log is moved into the database.
const (
	lookEvery  = 16                    // commits between two looks at the log's length
	pressTime  = 50 * time.Millisecond // how long the writer waits for old snapshots when the log has reached its limit
	pressEvery = 2 * time.Second       // and how often it does
)

// mover moves the bulk of the log into the database beside the writer, on a connection and a goroutine of its own:
// copying pages needs no lock that a commit needs. What is written meanwhile is left to the writer, who alone can end
// with nothing left, and then the log begins anew.
type mover struct {
	c     *conn
	begin chan struct{} // asks for a move
	ended chan error    // what came of it; the writer takes it before it asks again
	busy  bool          // asked and not taken yet; the writer's
	since int           // commits since the last look; the writer's
}

func newMover(c *conn) mover {
	return mover{c: c, begin: make(chan struct{}, 1), ended: make(chan error, 1), since: lookEvery}
}

// move is the mover's goroutine.
func (e *Engine) move() {
	for range e.mover.begin {
		_, _, err := moveLog(e.mover.c, "PASSIVE")
		if err == nil { // again what was written meanwhile, so that little is left to the writer
			_, _, err = moveLog(e.mover.c, "PASSIVE")
		}
		e.mover.ended <- err
	}
}

// checkpoint moves the log into the database when it has grown. While somebody holds an old snapshot it cannot, and
// the log keeps growing, which Stats shows.
func (e *Engine) checkpoint() {
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
	if e.mover.since++; e.mover.since < lookEvery {
		return
	}
	e.mover.since = 0
	all, left, err := moveLog(e.writer, "NOOP")
	e.counts.log(all)
	switch {
	case err != nil:
	case all >= e.sizes.insist && time.Since(e.pressed) > pressEvery:
		e.pressed = time.Now()
		e.writer.c.SetBusyTimeout(pressTime)
		_, _, err = moveLog(e.writer, "RESTART")
		e.writer.c.SetBusyTimeout(busyTimeout)
	case left >= e.sizes.move:
		e.mover.busy = true
		e.mover.begin <- struct{}{}
	}
	e.moved(err)
}

// moved judges what came of moving the log.
func (e *Engine) moved(err error) {
	if err == nil || errors.Is(err, store.ErrBusy) {
		return
	}
	e.log.Warn("checkpoint did not finish", logkey.Err, err)
	if errors.Is(err, store.ErrFull) {
		e.fullDisk(err)
		return
	}
	// The commits are safe in the log. But after a failed fsync of the database the next one may succeed without
	// having written anything, and then the log would be given up.
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
