package headlog

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/seal"
)

// TestTheLogOfHeadsStaysSmall checks that the file of heads is shrunk: a server may sign a head every second, but the file has to keep only
// the newest head of each tenant and epoch.
func TestTheLogOfHeadsStaysSmall(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, File)
	l, err := Open(dir, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	line := func(tenant, epoch, n int) string {
		return fmt.Sprintf("origin %d\n%d\n%0200d\nepoch %d\nseal %d\n", tenant, n, n, epoch, n)
	}
	add := func(tenant, epoch, n int) {
		l.Add(access.Tenant(tenant), seal.Head{Note: line(tenant, epoch, n)})
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	largest := int64(0)
	for n := range 9000 {
		add(1, 1+n/4000, n)
		if n%10 == 0 {
			add(2, 1, n)
		}
		if fi, err := os.Stat(path); err != nil {
			t.Fatal(err)
		} else {
			largest = max(largest, fi.Size())
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if largest > maxHeads+8<<10 {
		t.Errorf("the file grew to %d bytes, at most about %d", largest, maxHeads)
	}
	for _, want := range []string{line(1, 1, 3999), line(1, 2, 7999), line(1, 3, 8999), line(2, 1, 8990)} {
		if !strings.Contains(string(text), strings.ReplaceAll(want, "\n", `\n`)) {
			t.Errorf("the newest head of its tenant and epoch is gone: %q", want)
		}
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", fi.Mode(), err)
	}
}

// TestATornLineLeavesNothing checks that a partial line, left by a full disk or a power cut, is removed before the next line is written.
func TestATornLineLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		text  string
		whole int
	}{{"", 0}, {"torn", 0}, {"one\n", 4}, {"one\ntorn", 4}, {"one\n\x00\x00wo\n", 4}, {"\x00ne\n", 0}, {"\x00ne\ntwo\n", 8}} {
		if got := whole([]byte(c.text)); got != c.whole {
			t.Errorf("of %q %d bytes are whole lines, want %d", c.text, got, c.whole)
		}
	}
}

// TestHandOversStayInTheLogOfHeads: each hand-over of the seal key is written once, and stays when the file is shrunk.
// A file that cannot be read is an error.
func TestHandOversStayInTheLogOfHeads(t *testing.T) {
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	if _, _, err := OpenKey(dir, rand.Reader); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		next, err := NewKey(rand.Reader)
		if err == nil {
			err = Stage(dir, next, []seal.Head{{Origin: "paywatt/a", Size: int64(n), At: time.Unix(1, 0).UTC()}})
		}
		if err != nil {
			t.Fatal(err)
		}
		if done, err := Finish(dir, "another key", log); done || err != nil {
			t.Errorf("a key that is not in use was put in place: %v", err)
		}
		if done, err := Finish(dir, next.Public(), log); !done || err != nil {
			t.Fatal(done, err)
		}
	}
	_, keys, err := OpenKey(dir, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(dir, log, nil)
	if err == nil {
		err = errors.Join(l.Record(keys), l.shrink(), l.Record(keys))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	text, err := os.ReadFile(filepath.Join(dir, File))
	if has := read(text); err != nil || len(keys.HandOvers("")) != 2 || len(has.handed) != 2 || strings.Count(string(text), "\n") != 2 {
		t.Errorf("%v\n%s", err, text)
	}
	if err := os.Remove(filepath.Join(dir, File)); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(keys); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("hand-overs were recorded in a file that cannot be read: %v", err)
	}
}
