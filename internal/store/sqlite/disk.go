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

// reserve is a file that only holds space. On a full disk it is deleted, so that reading, moving the log and closing still work. It is made
// again before the engine takes new work.
type reserve struct {
	path string
	size int64 // 0 or less: no reserve
}

// fill makes the file as large as it should be, with all its blocks allocated on the disk.
func (r reserve) fill() error {
	if r.size <= 0 {
		return nil
	}
	if fi, err := os.Stat(r.path); err == nil && fi.Size() == r.size {
		return nil
	}
	growing := r.path + ".new" // renamed only when it is complete
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

// release deletes the file to free its space.
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
		return // without a reserve, every batch checks the disk anew
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

// begin makes SQLite write the log again from its beginning on a full disk. The log's file keeps its space, and the audit rows of reads use
// this space.
func (e *Engine) begin() {
	e.writer.c.SetBusyTimeout(pressTime)
	_, _, err := moveLog(e.writer, "RESTART")
	e.writer.c.SetBusyTimeout(busyTimeout)
	if err != nil && !errors.Is(err, store.ErrBusy) {
		e.log.Warn("checkpoint did not finish", logkey.Err, err)
	}
}

// measure fits the log's size to the free space: a log of 90 MiB is too large for a disk of 200 MiB.
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

// probe checks whether a full disk has room for the reserve again. If so, the engine takes work again.
func (e *Engine) probe() {
	if e.fit.Hindered() == nil || !spaceOf(e.dir).again(e.reserve.size) || e.reserve.fill() != nil {
		return
	}
	e.fit.Hinder(nil)
	e.log.Info("disk has room again", logkey.Path, e.dir)
}
