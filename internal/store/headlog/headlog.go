package headlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/seal"
)

// Log is the file outside the database that keeps signed heads, a JSON line each, so that a database which was
// swapped or cut back is found out. The newest head of each tenant is added once a second while there are new ones: a
// head commits to everything before it, so the ones in between add nothing; of a file that has grown only the newest
// head of each tenant and epoch is kept, or years of heads would have to be read, and held, by every verification. It
// belongs to one goroutine.
type Log struct {
	path   string
	f      *os.File
	size   int64 // about: another process may have added its own
	full   int64 // the size at which the file is made small again
	newest map[access.Tenant]seal.Head
}

// maxHeads is how large the file may grow, in bytes: about four thousand heads.
const maxHeads = 1 << 20

// line is one line of the file.
type line struct {
	Tenant access.Tenant `json:"tenant"`
	Note   string        `json:"note"`
}

// Open opens the file in a data folder, or makes it.
func Open(dir string) (*Log, error) {
	path := filepath.Join(dir, File)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of heads: %w", err)
	}
	size, err := endLine(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the log of heads: %w", err), f.Close())
	}
	return &Log{path: path, f: f, size: size, full: maxHeads, newest: make(map[access.Tenant]seal.Head)}, nil
}

// endLine ends a last line that a power cut has torn, and tells how long the file is.
func endLine(f *os.File) (size int64, err error) {
	size, err = f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return size, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil || last[0] == '\n' {
		return size, err
	}
	_, err = f.Write([]byte{'\n'})
	return size + 1, err
}

// Add remembers a head for the next flush.
func (l *Log) Add(t access.Tenant, h seal.Head) { l.newest[t] = h }

// Flush writes what came since the last one. A line that cannot be written is tried again with the next head.
func (l *Log) Flush() error {
	for t, h := range l.newest {
		text, err := json.Marshal(line{Tenant: t, Note: h.Note})
		if err != nil {
			return err
		}
		n, err := l.f.Write(append(text, '\n'))
		l.size += int64(n)
		if err != nil {
			return fmt.Errorf("write a head: %w", err)
		}
		delete(l.newest, t)
	}
	if l.size < l.full {
		return nil
	}
	l.full = l.size + maxHeads // where it cannot be done now, it is tried again then
	if err := l.shrink(); err != nil {
		return fmt.Errorf("make the log of heads small again: %w", err)
	}
	return nil
}

// shrink replaces the file by one with the newest head of each tenant and epoch. Another process that has the old file
// open adds its next heads to that one, where nobody looks: the server's own come after them and say more.
func (l *Log) shrink() error {
	text, err := os.ReadFile(l.path)
	if err != nil {
		return err
	}
	var kept []byte
	seen := make(map[string]struct{})
	lines := bytes.SplitAfter(text, []byte{'\n'})
	for _, one := range slices.Backward(lines) {
		var h line
		if json.Unmarshal(one, &h) != nil {
			continue // torn, or the end of the file
		}
		_, epoch, _ := strings.Cut(h.Note, "\nepoch ")
		epoch, _, _ = strings.Cut(epoch, "\n")
		of := fmt.Sprintf("%d %s", h.Tenant, epoch)
		if _, ok := seen[of]; !ok {
			seen[of] = struct{}{}
			kept = append(slices.Clone(one), kept...)
		}
	}
	fresh := l.path + ".new" // under its name only when it is complete
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(kept)
	if err = errors.Join(err, f.Sync()); err == nil {
		err = os.Rename(fresh, l.path)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	err = l.f.Close()
	l.f, l.size, l.full = f, int64(len(kept)), int64(len(kept))+maxHeads
	return err
}

// Close closes the file.
func (l *Log) Close() error { return l.f.Close() }
