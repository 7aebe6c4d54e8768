package app_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

// TestHeadsAreCopiedElsewhere: a running server copies its heads to a folder, a folder that is not there stops nothing, and other
// books do not match the copy.
func TestHeadsAreCopiedElsewhere(t *testing.T) {
	c := config(t.TempDir())
	c.HeadsTo, c.HeadsEvery = filepath.Join(t.TempDir(), "usb"), 10*time.Millisecond
	a := start(t, c)
	run(t, a)
	time.Sleep(30 * time.Millisecond)
	if err := os.Mkdir(c.HeadsTo, 0o700); err != nil {
		t.Fatal(err)
	}
	var names []string
	for end := time.Now().Add(10 * time.Second); len(names) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server copied no heads")
		}
		names, _ = filepath.Glob(filepath.Join(c.HeadsTo, "heads-*.log"))
	}
	time.Sleep(50 * time.Millisecond)
	r, err := app.Verify(t.Context(), c.Data, "", headlog.ExternalHeads{Heads: names[0]})
	if err != nil || !r.Sound() {
		t.Errorf("the books do not match the copied heads: %v, %v", r, err)
	}
	other := config(t.TempDir())
	if err := run(t, start(t, other))(); err != nil {
		t.Fatal(err)
	}
	if r, err = app.Verify(t.Context(), other.Data, "", headlog.ExternalHeads{Heads: names[0]}); err == nil && r.Sound() {
		t.Error("the books of another server match the copied heads")
	}
}
