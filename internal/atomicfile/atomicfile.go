// Package atomicfile writes files and folders that appear complete or not at all, whatever ends the program on the way.
//
// A run writes into a stage, which is a private folder on the same disk as the result. When everything is written and synced, the result gets
// its final name. A run that fails removes what it made, and nothing else. A run that is killed leaves its stage behind. The system releases
// the lock of that stage, so the next run recognises and removes it.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/fault"
)

// LeftError says that a run failed and could not remove what it had written.
type LeftError struct {
	Path string // what remains
	Err  error  // why it could not be removed
}

// Error implements error.
func (e *LeftError) Error() string { return fmt.Sprintf("%s could not be removed: %v", e.Path, e.Err) }

// Unwrap returns why it could not be removed.
func (e *LeftError) Unwrap() error { return e.Err }

// WriteFile calls fill to write a file, and puts the complete file in place of any file at path. If it fails, the file at path is unchanged.
// An error of the writer is returned even if fill ignores it.
func WriteFile(path string, mode fs.FileMode, fill func(io.Writer) error) error {
	return placeFile(path, mode, fill, os.Rename)
}

// CreateFile is like [WriteFile] for a file that must not exist. If a file or folder is at path, it returns [fs.ErrExist] and leaves it as
// it is. If only the sync of the folder fails, the new file stays, because another process may use it already.
func CreateFile(path string, mode fs.FileMode, fill func(io.Writer) error) error {
	return placeFile(path, mode, fill, renameNew)
}

// Content returns a function for [WriteFile] and [CreateFile] that writes a text.
func Content(text []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}
}

func placeFile(path string, mode fs.FileMode, fill func(io.Writer) error, rename func(from, to string) error) (err error) {
	dir := filepath.Dir(path)
	s, err := newStage(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	written := filepath.Join(s.files(), filepath.Base(path))
	if err := writeDurably(written, mode, fill); err != nil {
		return fault.Wrap(err, "write %s", path)
	}
	if err := rename(written, path); err != nil {
		return err
	}
	return SyncFolder(dir)
}

// writeDurably writes a new file and waits until it is on the disk.
func writeDurably(path string, mode fs.FileMode, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	return fillDurably(f, fill)
}

// durable is a file that can be made durable.
type durable interface {
	io.WriteCloser
	Sync() error
}

// fillDurably writes an open file, waits until it is on the disk, and closes it.
func fillDurably(f durable, fill func(io.Writer) error) error {
	w := &errorWriter{w: f}
	err := fill(w)
	if err == nil {
		err = w.failed
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// errorWriter remembers the first error, because some callers of a writer ignore errors.
type errorWriter struct {
	w      io.Writer
	failed error
}

// Write implements io.Writer.
func (a *errorWriter) Write(b []byte) (int, error) {
	if a.failed != nil {
		return 0, a.failed
	}
	n, err := a.w.Write(b)
	a.failed = err
	return n, err
}
