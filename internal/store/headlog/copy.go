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
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
)

// copyName is the name of a day's file of copied heads (UTC), and the pattern of all of them.
const (
	copyName    = "heads-2006-01-02.log"
	copyPattern = "heads-????-??-??.log"
)

// Copy adds the newest head of each tenant, and the hand-overs of the seal key, to the day's file in the folder to, durably, and returns how
// many lines it added. It never changes a whole line that is there. The folder must exist: a folder that is missing belongs to a disk or a
// machine that is not connected.
func Copy(dir, to string, now time.Time) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil {
		return 0, fmt.Errorf("read the heads to copy: %w", err)
	}
	lines := newestLines(text)
	if len(lines) == 0 {
		return 0, nil
	}
	name := filepath.Join(to, now.UTC().Format(copyName))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644) // heads are no secret
	if err != nil {
		return 0, fmt.Errorf("open the copy of the heads: %w", err)
	}
	n, err := addMissing(f, lines)
	err = errors.Join(err, f.Close())
	if err == nil && n > 0 {
		err = SyncFolder(to)
	}
	return n, fault.Wrap(err, "copy heads to %s", name)
}

// newestLines returns the lines of the hand-overs and of the newest head of each tenant, in the order of the file.
func newestLines(text []byte) [][]byte {
	var out [][]byte
	seen := map[access.Tenant]bool{}
	for _, one := range slices.Backward(bytes.SplitAfter(text[:whole(text)], []byte{'\n'})) {
		var l line
		if json.Unmarshal(one, &l) != nil || l.Note == "" && l.HandOver == "" || l.Note != "" && seen[l.Tenant] {
			continue
		}
		if l.Note != "" {
			seen[l.Tenant] = true
		}
		out = append(out, one)
	}
	slices.Reverse(out)
	return out
}

// addMissing adds lines that a file lacks, after removing an incomplete line at its end.
func addMissing(f *os.File, lines [][]byte) (int, error) {
	has, err := io.ReadAll(f)
	if err != nil {
		return 0, err
	}
	if end := whole(has); end < len(has) {
		if err := f.Truncate(int64(end)); err != nil {
			return 0, err
		}
		has = has[:end]
	}
	var fresh []byte
	n := 0
	for _, one := range lines {
		if bytes.HasPrefix(has, one) || bytes.Contains(has, append([]byte{'\n'}, one...)) {
			continue
		}
		fresh, n = append(fresh, one...), n+1
	}
	if n == 0 {
		return 0, nil
	}
	_, err = f.Write(fresh)
	return n, errors.Join(err, f.Sync())
}

// LastCopy returns when heads were last copied to a folder; the zero time for never.
func LastCopy(to string) (last time.Time, err error) {
	if _, err := os.Stat(to); err != nil {
		return time.Time{}, err
	}
	names, err := filepath.Glob(filepath.Join(to, copyPattern))
	if err != nil {
		return time.Time{}, err
	}
	for _, name := range names {
		fi, err := os.Stat(name)
		if err != nil {
			return time.Time{}, err
		}
		if fi.ModTime().After(last) {
			last = fi.ModTime()
		}
	}
	return last, nil
}
