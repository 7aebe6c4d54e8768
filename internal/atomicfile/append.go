package atomicfile

// This file adds lines to lists that only grow.

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Append adds whole lines to a file, durably, and makes the file if there is none. If it fails, the file has none of the lines. A run that
// is killed may leave an incomplete line at the end. The next call removes it, and [WholeLines] skips it. Only one process may write.
func Append(path string, mode fs.FileMode, lines []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, mode)
	if err != nil {
		return err
	}
	first, err := appendTo(f, lines)
	if err != nil {
		return err
	}
	if first {
		return SyncFolder(filepath.Dir(path))
	}
	return nil
}

// list is a file of lines.
type list interface {
	io.Reader
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// appendTo adds whole lines to an open file behind its last whole line, closes it, and reports whether they are its first lines.
func appendTo(f list, lines []byte) (first bool, err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	has, err := io.ReadAll(f)
	if err != nil {
		return false, err
	}
	end := int64(len(WholeLines(has)))
	if end < int64(len(has)) {
		if err := f.Truncate(end); err != nil {
			return false, err
		}
	}
	_, err = f.WriteAt(lines, end)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return false, errors.Join(err, f.Truncate(end))
	}
	return end == 0, nil
}

// WholeLines returns a text up to the end of its last whole line.
func WholeLines(text []byte) []byte { return text[:bytes.LastIndexByte(text, '\n')+1] }
