package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/atomicfile"
)

// shownProgress returns the progress output when the clock is read every half second for some seconds.
func shownProgress(p progress, seconds int) string {
	var out bytes.Buffer
	p.out = &out
	p.began = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	p.last = p.began
	ticks, stop, ended := make(chan time.Time), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		p.run(ticks, stop)
	}()
	for n := range 2 * seconds {
		ticks <- p.began.Add(time.Duration(n+1) * time.Second / 2)
	}
	close(stop)
	<-ended
	return out.String()
}

func TestProgressOnATerminalRewritesItsLine(t *testing.T) {
	got := shownProgress(progress{live: true, what: "Checking"}, 4)
	if want := "\r\x1b[KChecking: 2 s\r\x1b[KChecking: 3 s\r\x1b[KChecking: 4 s\r\x1b[K"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProgressElsewhereIsALineEveryTenSeconds(t *testing.T) {
	got := shownProgress(progress{what: "Checking", detail: func() string { return "5 rows" }}, 25)
	if want := "Checking: 10 s, 5 rows\nChecking: 20 s, 5 rows\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShortWorkShowsNoProgress(t *testing.T) {
	for _, live := range []bool{false, true} {
		if got := shownProgress(progress{live: live, what: "Checking"}, 1); got != "" {
			t.Errorf("live %v: got %q, want nothing", live, got)
		}
	}
}

// TestProgressIsSilentForPrograms: with -o json standard error stays empty, and progress can end at once.
func TestProgressIsSilentForPrograms(t *testing.T) {
	for _, format := range []string{"json", "table"} {
		var messages bytes.Buffer
		c := console{err: &messages, out: &bytes.Buffer{}, getenv: func(string) string { return "" }}
		root := newRoot(c)
		if err := root.PersistentFlags().Set("output", format); err != nil {
			t.Fatal(err)
		}
		done := c.progress(root, "Checking", nil)
		done()
		if messages.Len() > 0 {
			t.Errorf("-o %s: %q", format, messages.String())
		}
	}
}

func TestTheSizeOfWhatIsWrittenIsShown(t *testing.T) {
	dir := t.TempDir()
	temp, err := atomicfile.NewPrivateFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(temp.Dir(), "file"), make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other"), make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := mebibytesIn(dir, filepath.Join(dir, "missing"))(); got != "3 MiB written" {
		t.Errorf("three MiB in a stage: %q", got)
	}
}
