package sqlite

import (
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
)

// pressTime is how long the writer waits for old snapshots when the log has reached its limit, and pressEvery how
// often it does.
const (
	pressTime  = 50 * time.Millisecond
	pressEvery = 2 * time.Second
)

// checkpoint moves the log into the database when it has grown; from the writer, because nothing is written meanwhile
// and the log can begin anew. While somebody holds an old snapshot it cannot, and keeps growing, which Stats shows.
func (e *Engine) checkpoint() {
	all, left, err := e.moveLog("NOOP")
	if err == nil && all >= walLimit && time.Since(e.pressed) > pressEvery {
		e.pressed = time.Now()
		e.writer.c.SetBusyTimeout(pressTime)
		_, _, err = e.moveLog("RESTART")
		e.writer.c.SetBusyTimeout(busyTimeout)
	} else if err == nil && left >= walPages {
		_, _, err = e.moveLog("PASSIVE")
	}
	e.counts.log(all)
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
	e.stop(fmt.Errorf("move the log into the database: %w", err))
}

// moveLog runs a checkpoint of the given kind and reports how many pages the log has and how many of them are not in
// the database yet.
func (e *Engine) moveLog(kind string) (all, left int, err error) {
	e.writer.fault = nil
	err = e.writer.Query("PRAGMA wal_checkpoint("+kind+")", func(r store.Row) error {
		all, left = int(r.Int(1)), int(r.Int(1)-r.Int(2))
		return nil
	})
	return all, left, err
}
