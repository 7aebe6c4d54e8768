package atomicfile

// This file is about stages: the private folders in which a run writes, and the removal of those that a killed run has left.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Names of a stage and of what is in it.
const (
	stagePrefix = ".paywatt-part-"
	lockName    = "lock"   // locked while the run works
	filesName   = "files"  // what the run writes
	movingName  = "moving" // the names that move into the folder around the stage, one a line
	maxStages   = 10       // attempts to make a stage, when other runs remove each new one
)

// stage is a private folder inside parent. Only one run writes there.
type stage struct {
	parent, dir string
	lock        *os.File
}

// newStage makes a stage, after removing those of killed runs.
func newStage(parent string) (*stage, error) {
	if err := Sweep(parent); err != nil {
		return nil, err
	}
	return firstStage(parent, tryStage)
}

// firstStage returns the first stage that no other run removes at once.
func firstStage(parent string, try func(parent string) (*stage, error)) (*stage, error) {
	for range maxStages {
		s, err := try(parent)
		if s != nil || err != nil {
			return s, err
		}
	}
	return nil, fmt.Errorf("make a folder in %s: other programs removed it %d times", parent, maxStages)
}

// tryStage makes a stage. It returns nil if another run took the new stage for one of a killed run.
func tryStage(parent string) (*stage, error) {
	dir, err := os.MkdirTemp(parent, stagePrefix+"*") // mode 0700
	if err != nil {
		return nil, err
	}
	return lockStage(parent, dir)
}

// lockStage makes a stage of a new folder. It returns nil if another run took the folder for the stage of a killed run.
func lockStage(parent, dir string) (*stage, error) {
	s := &stage{parent: parent, dir: dir}
	var err error
	s.lock, err = os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s.begin()
}

// begin locks the stage and makes the folder for its files. It returns nil if another run took the stage for one of a killed run.
func (s *stage) begin() (*stage, error) {
	held, err := TryLock(s.lock)
	if held || err == nil && !s.exists() {
		return nil, s.lock.Close()
	}
	// A file system without locks gives an error here. No run can lock its stages, so no run removes those of others.
	if err := os.Mkdir(s.files(), 0o700); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// exists reports whether the locked file is still the stage's lock. What cannot be looked at is no lock.
func (s *stage) exists() bool {
	mine, err := s.lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(filepath.Join(s.dir, lockName))
	return err == nil && os.SameFile(mine, there)
}

func (s *stage) files() string { return filepath.Join(s.dir, filesName) }

// remove deletes the stage with everything in it, and releases its lock.
func (s *stage) remove() error {
	// The list goes first: without the files beside it, every name on it would look moved. The lock goes last: without it, no run would
	// remove the files.
	err := removeIfThere(filepath.Join(s.dir, movingName))
	if err == nil {
		err = os.RemoveAll(s.files())
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close()) // some systems delete no open file
	}
	if err == nil {
		err = os.RemoveAll(s.dir)
	}
	if err != nil {
		return &LeftError{Path: s.dir, Err: err}
	}
	return nil
}

// Sweep removes from a folder what killed runs of this user have left in it. Runs that still work are left alone.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), stagePrefix) {
			if err := sweepStage(dir, filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Unfinished returns how many bytes runs have written below a folder without giving them a name yet. A folder that does not exist has none.
func Unfinished(dir string) (bytes int64, err error) {
	stages, err := filepath.Glob(filepath.Join(dir, stagePrefix+"*", filesName))
	for _, s := range stages {
		walked := filepath.WalkDir(s, func(_ string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return ignoreMissing(err)
			}
			info, err := e.Info()
			if err == nil {
				bytes += info.Size()
			}
			return ignoreMissing(err)
		})
		err = errors.Join(err, walked)
	}
	return bytes, err
}

// ignoreMissing drops the error of a file that a run has removed or renamed meanwhile.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// sweepStage removes one stage if its run is dead.
func sweepStage(parent, dir string) error {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || !isOwn(info) { // in a shared folder, a list of names may be somebody else's trap
		return nil
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(dir) // empty: the run was killed before it made the lock. A run that lives makes another stage
		return nil
	}
	if err != nil {
		return nil // this user may not
	}
	dead := &stage{parent: parent, dir: dir, lock: lock}
	if held, err := TryLock(lock); held || err != nil || !dead.exists() {
		return lock.Close()
	}
	return errors.Join(dead.undoMoves(), dead.remove())
}

// moveOut gives the files of the stage their final names in the folder around it, in the given order. If a move fails, it takes back the
// ones before. Names in that folder must be free.
func (s *stage) moveOut(names []string) (err error) {
	list := []byte(strings.Join(names, "\n") + "\n")
	err = writeDurably(filepath.Join(s.dir, movingName), 0o600, Content(list))
	if err == nil {
		err = SyncFolder(s.dir)
	}
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := renameNew(filepath.Join(s.files(), name), filepath.Join(s.parent, name)); err != nil {
			return errors.Join(err, s.takeBack(names[:i]))
		}
	}
	if err := SyncFolder(s.parent); err != nil {
		return errors.Join(err, s.takeBack(names))
	}
	return nil
}

// takeBack removes files that were moved out of the stage.
func (s *stage) takeBack(names []string) error {
	for _, name := range names {
		path := filepath.Join(s.parent, name)
		if err := removeIfThere(path); err != nil {
			return &LeftError{Path: path, Err: err}
		}
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// undoMoves removes what a killed run moved out of its stage, unless it moved everything. Then no name waits. A name on the
// list was moved by the run if the stage has no such file any more.
func (s *stage) undoMoves() error {
	list, err := os.ReadFile(filepath.Join(s.dir, movingName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var moved []string
	waits := false
	// A power cut may leave half a name at the end. The run has moved nothing then, because it moves when the list is on the disk.
	for lines := bufio.NewScanner(bytes.NewReader(WholeLines(list))); lines.Scan(); {
		name := lines.Text()
		if name != filepath.Base(name) { // an empty name too: its base is a point
			return fmt.Errorf("%s names the file %q, which cannot be", filepath.Join(s.dir, movingName), name)
		}
		if _, err := os.Lstat(filepath.Join(s.files(), name)); err == nil {
			waits = true
			continue
		}
		moved = append(moved, name)
	}
	if waits {
		return s.takeBack(moved)
	}
	return nil
}
