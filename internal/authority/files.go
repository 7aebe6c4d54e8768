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

	"github.com/paywatt/paywatt/internal/atomicfile"
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
	lines := bufio.NewScanner(bytes.NewReader(atomicfile.WholeLines(text)))
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

// append adds entries to the list, all or none, and waits until they are on disk.
func (a *Authority) append(entries ...Entry) error {
	var text []byte
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return fault.Wrap(err, "write the list of certificates")
		}
		text = append(append(text, line...), '\n')
	}
	return fault.Wrap(atomicfile.Append(filepath.Join(a.dir, listFile), private, text), "write the list of certificates")
}

// locked does work while no other process changes the folder. The system releases the lock of a process that is killed.
func (a *Authority) locked(work func() error) (err error) {
	f, err := os.OpenFile(filepath.Join(a.dir, lockFile), os.O_CREATE|os.O_RDWR, private)
	if err != nil {
		return fault.Wrap(err, "lock the authority")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	held, err := atomicfile.TryLock(f)
	if err != nil {
		return fault.Wrap(err, "lock the authority")
	}
	if held {
		return ErrBusy
	}
	return work()
}

// writeNew writes files that do not exist yet, for their owner only: all of them or none. It calls ready before the first appears.
func writeNew(dir string, files []atomicfile.File, ready func() error) error {
	err := atomicfile.CreateFiles(dir, files, ready)
	var exists *fs.PathError
	if errors.Is(err, fs.ErrExist) && errors.As(err, &exists) {
		return fmt.Errorf("%s %w", exists.Path, ErrExists)
	}
	return err
}
