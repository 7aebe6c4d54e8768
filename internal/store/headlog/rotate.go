package headlog

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/seal"
)

// StagedFile is the next seal key with all its hand-overs, while a rotation is under way.
const StagedFile = KeyFile + ".next"

// Stage prepares the change to the next seal key: the folder's key hands every log over at its newest head. Stage writes the next key and the
// statements durably into a file of their own, and the next key is not in use yet. The logs must not grow any more.
func Stage(dir string, next seal.Key, heads []seal.Head) error {
	now, keys, err := readKey(filepath.Join(dir, KeyFile))
	if err != nil {
		return err
	}
	all := keys.HandOvers("")
	for _, h := range heads {
		o, err := seal.SignHandOver(now, next, h)
		if err != nil {
			return err
		}
		all = append(all, o)
	}
	if keys, err = seal.NewChain(next.Public(), all...); err != nil {
		return err
	}
	return fault.Wrap(replace(filepath.Join(dir, StagedFile), next.RevealFile(keys)), "write %s", StagedFile)
}

// Finish puts the staged key in place of the folder's key, if inUse is its public line, and records its hand-overs in the log of heads. It
// returns false if there is no such staged key. After an interruption call it again. The old key exists no longer afterwards.
func Finish(dir, inUse string, log *slog.Logger) (done bool, err error) {
	staged := filepath.Join(dir, StagedFile)
	key, keys, err := readKey(staged)
	if errors.Is(err, fs.ErrNotExist) || err == nil && key.Public() != inUse {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if now, _, err := readKey(filepath.Join(dir, KeyFile)); err != nil || now.Public() != key.Public() {
		if err := replace(filepath.Join(dir, KeyFile), key.RevealFile(keys)); err != nil {
			return false, fmt.Errorf("put the next seal key in place: %w", err)
		}
	}
	l, err := Open(dir, log, nil)
	if err == nil {
		err = errors.Join(l.Record(keys), l.Close())
	}
	if err == nil {
		err = os.Remove(staged)
	}
	return err == nil, err
}

// StagedKey returns the public line of the staged key; empty if there is none.
func StagedKey(dir string) (public string, err error) {
	key, _, err := readKey(filepath.Join(dir, StagedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return key.Public(), err
}

// replace puts a file that only its owner can read in place of another. After a power cut the old file or the new one is there.
func replace(path, text string) error {
	return atomicfile.WriteFile(path, 0o600, atomicfile.Content([]byte(text)))
}

// SyncFolder makes the names in a folder durable, if the system supports it.
func SyncFolder(dir string) error { return atomicfile.SyncFolder(dir) }
