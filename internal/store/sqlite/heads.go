package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/paywatt/paywatt/internal/access"
)

// headsLog is the file outside the database that keeps signed heads, a JSON line each, so that a database which was
// swapped or cut back is found out. The newest head of each tenant is added once a second while there are new ones: a
// head commits to everything before it, so the ones in between add nothing. It belongs to the writer goroutine.
type headsLog struct {
	f      *os.File
	newest map[access.Tenant]tenantHead
}

// headLine is one line of the file.
type headLine struct {
	Tenant access.Tenant `json:"tenant"`
	Note   string        `json:"note"`
}

func openHeads(path string) (*headsLog, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of heads: %w", err)
	}
	if err := endLine(f); err != nil {
		return nil, errors.Join(fmt.Errorf("open the log of heads: %w", err), f.Close())
	}
	return &headsLog{f: f, newest: make(map[access.Tenant]tenantHead)}, nil
}

// endLine ends a last line that a power cut has torn.
func endLine(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.Write([]byte{'\n'})
	return err
}

// add remembers a head for the next flush.
func (l *headsLog) add(h tenantHead) {
	l.newest[h.tenant] = h
}

// flush writes what came since the last one. A line that cannot be written is tried again with the next head.
func (l *headsLog) flush() error {
	for t, h := range l.newest {
		line, err := json.Marshal(headLine{Tenant: t, Note: h.head.Note})
		if err != nil {
			return err
		}
		if _, err := l.f.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write a head: %w", err)
		}
		delete(l.newest, t)
	}
	return nil
}

func (l *headsLog) close() error { return l.f.Close() }
