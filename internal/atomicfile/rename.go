package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// renameDurably gives a file or folder a free name and waits until the name is on the disk. If that fails, it takes the name away again.
func renameDurably(from, to string) error {
	if err := renameNew(from, to); err != nil {
		return err
	}
	if err := SyncFolder(filepath.Dir(to)); err != nil {
		return errors.Join(err, os.Rename(to, from))
	}
	return nil
}

// renameChecked gives a file or folder a free name where the system cannot do that in one step. A hard link fails if the name is taken. For a
// folder, and on a disk without links, it looks first: another program that takes the name in that moment loses its file.
func renameChecked(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		err := os.Link(from, to)
		if err == nil {
			return os.Remove(from)
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if _, err := os.Lstat(to); err == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}
