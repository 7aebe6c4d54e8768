package atomicfile

// This file makes folders, sets of files in a folder, and folders for temporary use.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/paywatt/paywatt/internal/fault"
)

// ErrNotEmpty means that the folder to write has content.
var ErrNotEmpty = errors.New("the folder is not empty")

// IsOfFileSystem reports whether an entry of a folder is one of those that file systems and desktops put at the root of a disk by themselves. Such
// a folder counts as nothing: a fresh disk is empty.
func IsOfFileSystem(e fs.DirEntry) bool {
	switch e.Name() {
	case "lost+found", "System Volume Information", "$RECYCLE.BIN", ".Trashes", ".fseventsd", ".Spotlight-V100":
		return e.IsDir()
	}
	return false
}

// CreateFolder calls fill to write files into a folder, which then appears at path with mode 0700. The path must be free or an empty folder;
// else CreateFolder returns [ErrNotEmpty]. What a file system put there ([IsOfFileSystem]) counts as nothing. CreateFolder makes missing folders
// above path. If path was an empty folder, perhaps a disk of its own, the files appear in it one by one, and the file last is the last of
// them; without that file the folder is incomplete. The files must be synced by fill.
func CreateFolder(path, last string, fill func(dir string) error) (err error) {
	isThere, err := checkFree(path)
	if err != nil {
		return err
	}
	if isThere {
		return fillFolder(path, last, fill)
	}
	parent := filepath.Dir(filepath.Clean(path))
	made, err := MakeFolders(parent)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, made.Remove())
		}
	}()
	s, err := newStage(parent)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	if err := fill(s.files()); err != nil {
		return err
	}
	if err := SyncFolder(s.files()); err != nil {
		return err
	}
	return renameDurably(s.files(), path)
}

// CheckFree returns [ErrNotEmpty] if path is a folder with content, after removing from it what a killed run left. It makes no folder.
func CheckFree(path string) error {
	_, err := checkFree(path)
	return err
}

// checkFree also reports whether there is a folder at path.
func checkFree(path string) (isThere bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.IsDir() {
		return false, fmt.Errorf("%s is not a folder", path)
	}
	if err := Sweep(path); err != nil {
		return true, err
	}
	entries, err := os.ReadDir(path)
	if err == nil && len(slices.DeleteFunc(entries, IsOfFileSystem)) > 0 {
		err = fmt.Errorf("%w: %s", ErrNotEmpty, path)
	}
	return true, err
}

// fillFolder fills a folder that is there and empty.
func fillFolder(path, last string, fill func(dir string) error) (err error) {
	s, err := newStage(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	if err := fill(s.files()); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.files())
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != last {
			names = append(names, e.Name())
		}
	}
	if len(names) < len(entries) {
		names = append(names, last)
	}
	return s.moveOut(names)
}

// File is one file of a set.
type File struct {
	Name    string // without a folder
	Mode    fs.FileMode
	Content []byte
}

// CreateFiles writes files into a folder: all of them appear, in their order, or none. If one of the names is taken, it returns
// [fs.ErrExist] and leaves that file as it is. It makes the folder, with mode 0700, if there is none. It calls ready, if that is not nil,
// when everything is written and before the first file appears; an error of ready ends the attempt.
func CreateFiles(dir string, files []File, ready func() error) (err error) {
	made, err := MakeFolders(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, made.Remove())
		}
	}()
	s, err := newStage(dir) // this also removes the files of a killed run
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	var names []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.Name)); err == nil {
			return &fs.PathError{Op: "create", Path: filepath.Join(dir, f.Name), Err: fs.ErrExist}
		}
		if err := writeDurably(filepath.Join(s.files(), f.Name), f.Mode, Content(f.Content)); err != nil {
			return fault.Wrap(err, "write %s", filepath.Join(dir, f.Name))
		}
		names = append(names, f.Name)
	}
	if ready != nil {
		if err := ready(); err != nil {
			return err
		}
	}
	return s.moveOut(names)
}

// PrivateFolder is a folder of one run for temporary use.
type PrivateFolder struct{ s *stage }

// NewPrivateFolder makes a private folder inside parent, after removing those of killed runs.
func NewPrivateFolder(parent string) (*PrivateFolder, error) {
	s, err := newStage(parent)
	if err != nil {
		return nil, err
	}
	return &PrivateFolder{s}, nil
}

// Dir returns the folder, which is empty at first.
func (t *PrivateFolder) Dir() string { return t.s.files() }

// Remove deletes the folder with everything in it.
func (t *PrivateFolder) Remove() error { return t.s.remove() }

// Folders are folders that a run made, the innermost first.
type Folders []string

// MakeFolders makes a folder and those above it, as far as they are missing, with mode 0700. If it fails, it removes those that it made.
func MakeFolders(dir string) (made Folders, err error) {
	var missing []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		_, err := os.Stat(d)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		missing = append(missing, d)
	}
	for _, d := range slices.Backward(missing) {
		err := os.Mkdir(d, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue // another program was faster
		}
		if err == nil {
			made = append(Folders{d}, made...)
			err = SyncFolder(filepath.Dir(d))
		}
		if err != nil {
			return nil, errors.Join(err, made.Remove())
		}
	}
	return made, nil
}

// Remove removes the folders, unless another program has put something into them.
func (made Folders) Remove() error {
	for _, d := range made {
		err := os.Remove(d)
		if err == nil {
			continue
		}
		entries, look := os.ReadDir(d)
		if look == nil && len(entries) > 0 || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return &LeftError{Path: d, Err: err}
	}
	return nil
}
