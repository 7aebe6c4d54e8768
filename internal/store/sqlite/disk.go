package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
)

// reserve is a file that only holds space. On a full disk it is given up, so that reading, moving the log and closing
// work; it is put back before anything new is taken.
type reserve struct {
	path string
	size int64 // not positive: there is none
}

// fill makes the file as large as it should be, all of it really on the disk.
func (r reserve) fill() error {
	if r.size <= 0 {
		return nil
	}
	if fi, err := os.Stat(r.path); err == nil && fi.Size() == r.size {
		return nil
	}
	growing := r.path + ".new" // under its name only when it is complete
	f, err := os.OpenFile(growing, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the disk reserve: %w", err)
	}
	err = allocate(f, r.size)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("make the disk reserve: %w", err), os.Remove(growing))
	}
	if err := os.Rename(growing, r.path); err != nil && !errors.Is(err, fs.ErrNotExist) { // another process was faster
		return fmt.Errorf("make the disk reserve: %w", err)
	}
	return nil
}

// release gives the space back to the file system.
func (r reserve) release() error {
	if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("release the disk reserve: %w", err)
	}
	return nil
}

// zeros writes n bytes, for file systems that cannot allocate ahead.
func zeros(f *os.File, n int64) error {
	block := make([]byte, 1<<20)
	for n > 0 {
		k := min(n, int64(len(block)))
		if _, err := f.Write(block[:k]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// fullDisk stops taking new work until there is room again, and uses the reserve to shorten the log.
func (e *Engine) fullDisk(why error) {
	if e.reserve.size <= 0 {
		return // every batch finds out for itself
	}
	if !e.fit.Hinder(why) {
		return
	}
	e.log.Error("disk is full", logkey.Err, why)
	if err := e.reserve.release(); err != nil {
		e.log.Error("disk reserve was not released", logkey.Err, err)
	}
	e.begin()
}

// begin has the log begin anew on a full disk. Its file keeps the space it has: what is still written, the audit rows of those
// who read, goes there.
func (e *Engine) begin() {
	e.writer.c.SetBusyTimeout(pressTime)
	_, _, err := moveLog(e.writer, "RESTART")
	e.writer.c.SetBusyTimeout(busyTimeout)
	if err != nil && !errors.Is(err, store.ErrBusy) {
		e.log.Warn("checkpoint did not finish", logkey.Err, err)
	}
}

// measure fits the log to the room that there is: a log of 90 MiB has no place on a disk of 200.
func (e *Engine) measure() {
	room := int64(0)
	if s := spaceOf(e.dir); s.total > 0 {
		room = s.free
		if fi, err := os.Stat(filepath.Join(e.dir, databaseFile+"-wal")); err == nil {
			room += fi.Size()
		}
	}
	sizes := logSizesFor(room)
	if sizes == e.sizes {
		return
	}
	if err := e.writer.plain(fmt.Sprintf("PRAGMA journal_size_limit = %d", sizes.keep)); err != nil {
		e.log.Warn("size of the write-ahead log was not set", logkey.Err, err)
		return
	}
	e.sizes = sizes
}

// probe looks whether a full disk has room for the reserve again; if so, work is taken again.
func (e *Engine) probe() {
	if e.fit.Hindered() == nil || !spaceOf(e.dir).again(e.reserve.size) || e.reserve.fill() != nil {
		return
	}
	e.fit.Hinder(nil)
	e.log.Info("disk has room again", logkey.Path, e.dir)
}
