package keystore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/paywatt/paywatt/internal/keystore"
)

// TestAddWaitsTenSecondsForAnotherProcess checks that Add gives up without a change after ten seconds. If the other process ends in time,
// the key is added.
func TestAddWaitsTenSecondsForAnotherProcess(t *testing.T) {
	for held, want := range map[time.Duration]error{9 * time.Second: nil, 10 * time.Second: nil, time.Minute: keystore.ErrBusy} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			s := unlocked(t, dir)
			f, err := os.OpenFile(filepath.Join(dir, "keystore.lock"), os.O_CREATE|os.O_RDWR, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			fd := int(f.Fd())
			if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			release := time.AfterFunc(held-time.Millisecond, func() { _ = unix.Flock(fd, unix.LOCK_UN) })
			defer release.Stop()
			no, err := s.Add(fact02(), vendingKey(t, hex02))
			if waited := time.Since(begun); !errors.Is(err, want) || no.Refused() || waited != min(held, 10*time.Second) {
				t.Errorf("held for %s: %v, %s after %s; want %v", held, err, no.Detail(), waited, want)
			}
			if facts, err := s.List(); err != nil || (len(facts) == 1) != (want == nil) {
				t.Errorf("held for %s: keys %v, %v", held, facts, err)
			}
		})
	}
}
