package headlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/seal"
)

// Log is the file outside the database that keeps signed heads, one JSON line each. It shows if the database was swapped or cut back. While
// there are new heads, the newest head of each tenant is added once a second: a head covers everything before it, so the heads in between
// add nothing. A file that has grown is cut to the newest head of each tenant and epoch, because every verification reads all heads. A Log
// belongs to one goroutine.
type Log struct {
	path   string
	log    *slog.Logger
	f      *os.File
	size   int64 // known size of the file; another process may have added heads
	full   int64 // the size at which the file is shrunk
	newest map[access.Tenant]seal.Head
}

// maxHeads is the size in bytes up to which the file may grow: about four thousand heads.
const maxHeads = 1 << 20

// Open opens the file in a data folder, or creates it. The parameter sealed holds the newest heads in the database; it is nil if other
// servers write to the database too. Open logs every fault of the file. A file that has lost its heads gets a line that says so, because
// the next heads would hide the loss.
func Open(dir string, log *slog.Logger, sealed map[access.Tenant]seal.Head) (*Log, error) {
	l := &Log{path: filepath.Join(dir, File), log: log, newest: make(map[access.Tenant]seal.Head)}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("open the log of heads: %w", err)
	}
	c, err := l.mend()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the log of heads: %w", err), l.f.Close())
	}
	if len(c.broken) > 0 {
		log.Error(fmt.Sprintf("line %d of %s is broken; paywatt verify says what to do", c.broken[0], File), logkey.Count, len(c.broken))
	}
	for t, h := range sealed {
		if c.newest[t] == "" && h.Seal > 1 {
			l.lost(h)
		}
		if c.newest[t] != h.Note { // the process was killed within a second after this seal
			l.Add(t, h)
		}
	}
	return l, nil
}

// open opens or creates the file under its name.
func (l *Log) open() (err error) {
	if l.f, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	fi, err := l.f.Stat()
	if err != nil {
		return errors.Join(err, l.f.Close())
	}
	l.size, l.full = fi.Size(), maxHeads
	return nil
}

// mend removes an incomplete last line that a power cut or a full disk left. No proof is lost, because the next head covers the same rows
// and more.
func (l *Log) mend() (content, error) {
	text, err := os.ReadFile(l.path)
	if err != nil {
		return content{}, err
	}
	c := read(text)
	if l.size = int64(len(text)); c.torn == 0 {
		return c, nil
	}
	if err := l.f.Truncate(l.size - c.torn); err != nil {
		return c, err
	}
	l.size -= c.torn
	l.log.Warn("the last line of "+File+" was incomplete and was removed", logkey.Count, c.torn)
	return c, nil
}

// lost adds a line to the file which says that its heads were lost.
func (l *Log) lost(h seal.Head) {
	l.log.Error(File + " has lost its heads: this folder alone cannot show whether the database was rolled back; paywatt verify says what to do")
	if err := l.write(line{Lost: time.Now().UTC().Truncate(time.Second), Seal: h.Seal}); err != nil {
		l.log.Warn("the loss was not recorded in "+File, logkey.Err, err)
	}
}

// Record adds the hand-overs of the seal key that the file lacks, durably. Whoever has a copy of the file can then follow from an old key to
// the present one.
func (l *Log) Record(c seal.Chain) error {
	all := c.HandOvers("")
	if len(all) == 0 {
		return nil
	}
	has, err := l.mend()
	if err != nil {
		return fmt.Errorf("read the hand-overs of the seal key: %w", err)
	}
	for _, o := range all {
		if has.handed[o.Note] {
			continue
		}
		if err := l.write(line{HandOver: o.Note}); err != nil {
			return fmt.Errorf("write a hand-over of the seal key: %w", err)
		}
	}
	return fault.Wrap(l.f.Sync(), "write the hand-overs of the seal key")
}

// Add remembers a head for the next flush.
func (l *Log) Add(t access.Tenant, h seal.Head) { l.newest[t] = h }

// Empty reports whether the file is empty. The first head should be written before anything else is committed.
func (l *Log) Empty() bool { return l.size == 0 }

// Flush writes the heads added since the last flush, durably. If a line cannot be written, the next flush tries again.
func (l *Log) Flush() error {
	if len(l.newest) == 0 {
		return nil
	}
	if err := l.follow(); err != nil {
		return fmt.Errorf("find the file of signed heads: %w", err)
	}
	for t, h := range l.newest {
		if err := l.write(line{Tenant: t, Note: h.Note}); err != nil {
			return fmt.Errorf("write a head: %w", err)
		}
		delete(l.newest, t)
	}
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("write a head: %w", err)
	}
	if l.size < l.full {
		return nil
	}
	l.full = l.size + maxHeads // if shrinking fails, the next try is at this size
	err := l.shrink()
	return fault.Wrap(err, "compact the file of signed heads")
}

// write adds a whole line, or leaves the file as it was.
func (l *Log) write(one line) error {
	text, err := json.Marshal(one)
	if err != nil {
		return err
	}
	n, err := l.f.Write(append(text, '\n'))
	l.size += int64(n)
	if err != nil && n > 0 {
		_, again := l.mend()
		err = errors.Join(err, again)
	}
	return err
}

// follow checks that the name still belongs to the open file, and that this file is not shorter than before. Another process may have
// compacted it; somebody may have emptied, cut or removed it.
func (l *Log) follow() error {
	now, err := os.Stat(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	own, err := l.f.Stat()
	if err != nil {
		return err
	}
	had := l.size
	switch {
	case now == nil || !os.SameFile(now, own):
		if err := errors.Join(l.f.Close(), l.open()); err != nil {
			return err
		}
		had = min(had, 1)
	case now.Size() >= had:
		return nil
	}
	c, err := l.mend()
	if err != nil || l.size >= had && len(c.newest) > 0 {
		return err
	}
	for _, h := range l.newest {
		l.lost(h)
		break
	}
	return nil
}

// shrink replaces the file by one with the newest head of each tenant and epoch. If another process has the old file open, the heads that
// it adds next are lost. Later heads of this server cover the same rows and more.
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
		if json.Unmarshal(one, &h) != nil || h.Note == "" {
			if len(one) > 0 {
				kept = append(slices.Clone(one), kept...) // broken lines stay, so that verification reports them
			}
			continue
		}
		_, epoch, _ := strings.Cut(h.Note, "\nepoch ")
		epoch, _, _ = strings.Cut(epoch, "\n")
		of := fmt.Sprintf("%d %s", h.Tenant, epoch)
		if _, ok := seen[of]; !ok {
			seen[of] = struct{}{}
			kept = append(slices.Clone(one), kept...)
		}
	}
	fresh := l.path + ".new" // renamed only when it is complete
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(kept)
	if err = errors.Join(err, f.Sync()); err == nil {
		err = os.Rename(fresh, l.path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(fresh)) // on a full disk, an incomplete file takes the last room
	}
	err = l.f.Close()
	l.f, l.size, l.full = f, int64(len(kept)), int64(len(kept))+maxHeads
	return err
}

// Close closes the file.
func (l *Log) Close() error { return l.f.Close() }
