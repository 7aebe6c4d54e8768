package headlog

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/seal"
)

// TestCopiedHeadsAreOnlyAdded: each copy adds what is new to the day's file, and neither a second copy nor a shorter log takes a line away.
func TestCopiedHeadsAreOnlyAdded(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	l, err := Open(dir, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	day := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	seals := func(note string) {
		t.Helper()
		l.Add(1, seal.Head{Note: note})
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	copies := func(at time.Time, want int) {
		t.Helper()
		if n, err := Copy(dir, to, at); err != nil || n != want {
			t.Fatalf("copied %d lines, %v; want %d", n, err, want)
		}
	}
	holds := func(name string, want ...string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		if c := read(text); len(c.broken) > 0 || c.torn > 0 || strings.Count(string(text), "\n") != len(want) {
			t.Fatalf("%s holds\n%s", name, text)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s lacks %q:\n%s", name, w, text)
			}
		}
	}
	seals("first head\nepoch 1\n")
	seals("second head\nepoch 1\n")
	copies(day, 1)
	copies(day.Add(time.Hour), 0)
	holds("heads-2026-11-23.log", "second head")
	seals("third head\nepoch 1\n")
	copies(day.Add(2*time.Hour), 1)
	holds("heads-2026-11-23.log", "second head", "third head")
	copies(day.Add(24*time.Hour), 1)
	holds("heads-2026-11-24.log", "third head")

	// Somebody empties the log of the data folder; the copies stay.
	if err := os.WriteFile(filepath.Join(dir, File), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	copies(day.Add(3*time.Hour), 0)
	holds("heads-2026-11-23.log", "second head", "third head")
}

// TestATornCopyIsMended: a disk that was pulled out while a line was written gets the line again.
func TestATornCopyIsMended(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	day := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	const whole = `{"tenant":1,"note":"a head"}` + "\n"
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, File), whole)
	for cut := range len(whole) {
		name := filepath.Join(to, "heads-2026-11-23.log")
		write(name, whole[:cut])
		if n, err := Copy(dir, to, day); err != nil || n != 1 {
			t.Fatalf("cut at %d: copied %d, %v", cut, n, err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != whole {
			t.Fatalf("cut at %d: %q, %v", cut, got, err)
		}
	}
}

// TestAMissingFolderIsNotMade: without its disk, a copy fails and leaves nothing behind; the time of the last copy says so.
func TestAMissingFolderIsNotMade(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "usb")
	if err := os.WriteFile(filepath.Join(dir, File), []byte(`{"tenant":1,"note":"a head"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(dir, to, time.Now()); err == nil {
		t.Fatal("copied to a folder that does not exist")
	}
	if _, err := LastCopy(to); !os.IsNotExist(err) {
		t.Errorf("the last copy: %v", err)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	if last, err := LastCopy(to); err != nil || !last.IsZero() {
		t.Errorf("before the first copy: %v, %v", last, err)
	}
	if _, err := Copy(dir, to, time.Now()); err != nil {
		t.Fatal(err)
	}
	source, err := os.Stat(filepath.Join(dir, File)) // the file system has a clock of its own
	if err != nil {
		t.Fatal(err)
	}
	if last, err := LastCopy(to); err != nil || last.Before(source.ModTime()) {
		t.Errorf("after the first copy: %v, %v", last, err)
	}
}
