package authority

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
)

// Entry is a certificate in the list.
type Entry struct {
	Serial    string     `json:"serial"`
	Kind      Kind       `json:"kind"`
	Name      string     `json:"name"`
	At        time.Time  `json:"at"`
	Until     time.Time  `json:"until"`
	By        string     `json:"by"`
	Revoked   *time.Time `json:"revoked,omitempty"`
	RevokedBy string     `json:"revoked_by,omitempty"`
	Reason    string     `json:"reason,omitempty"`
}

// List returns the issued certificates in the order of their issue. A later line of the same serial number replaces the earlier one.
func (a *Authority) List() ([]Entry, error) {
	text, err := os.ReadFile(filepath.Join(a.dir, listFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, "read the list of certificates")
	}
	var all []Entry
	at := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || !e.Kind.known() {
			return nil, fmt.Errorf("line %d of %s cannot be read", n, listFile)
		}
		if i, known := at[e.Serial]; known {
			all[i] = e
			continue
		}
		at[e.Serial] = len(all)
		all = append(all, e)
	}
	return all, fault.Wrap(lines.Err(), "read the list of certificates")
}

// append adds a line to the list and waits until it is on disk.
func (a *Authority) append(e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fault.Wrap(err, "write the list of certificates")
	}
	f, err := os.OpenFile(filepath.Join(a.dir, listFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, private)
	if err != nil {
		return fault.Wrap(err, "write the list of certificates")
	}
	_, err = f.Write(append(line, '\n'))
	return fault.Wrap(errors.Join(err, f.Sync(), f.Close()), "write the list of certificates")
}

// locked does work while no other process changes the folder.
func (a *Authority) locked(work func() error) error {
	path := filepath.Join(a.dir, lockFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, private)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; if none is running, remove %s", ErrBusy, path)
	}
	if err != nil {
		return fault.Wrap(err, "lock the authority")
	}
	return errors.Join(work(), f.Close(), os.Remove(path))
}

// writeNew writes a file that does not exist yet, for its owner only.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, private)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s %w", path, ErrExists)
	}
	if err != nil {
		return fault.Wrap(err, "write %s", path)
	}
	_, err = f.Write(text)
	return fault.Wrap(errors.Join(err, f.Sync(), f.Close()), "write %s", path)
}

// replace writes a file under another name and renames it, so that a reader sees the old or the new one.
func replace(path string, text []byte) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, "remove what an interrupted command left")
	}
	if err := writeNew(next, text); err != nil {
		return err
	}
	return fault.Wrap(os.Rename(next, path), "replace %s", path)
}
