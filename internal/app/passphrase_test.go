package app

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"testing"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
)

// changedFolder names the folder in which a process of its own changes the passphrase.
const changedFolder = "PAYWATT_TEST_PASSPHRASE"

// Passphrases before and after the change.
const (
	passBefore = "the passphrase before"
	passAfter  = "the passphrase after"
)

func keyStore(t *testing.T, dir string) *keystore.Store {
	t.Helper()
	s, err := keystore.Open(dir, keystore.Config{Params: keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAPassphraseKilledAtEveryWrite kills a change of the passphrase before each write, sync and rename. After each kill one of the two
// passphrases opens the key store with its key, and the change can be made again.
func TestAPassphraseKilledAtEveryWrite(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	if dir := os.Getenv(changedFolder); dir != "" {
		runtime.LockOSThread() // strace counts the writes of each thread on its own
		s := keyStore(t, dir)
		if err := s.Unlock([]byte(passBefore)); err != nil {
			t.Fatal(err)
		}
		if no, err := s.ChangePassphrase([]byte(passAfter)); err != nil || no.Refused() {
			t.Fatal(no.Detail(), err)
		}
		return
	}
	tier.Program(t, "strace")
	made := t.TempDir()
	s := keyStore(t, made)
	if err := s.Unlock([]byte(passBefore)); err != nil {
		t.Fatal(err)
	}
	vk, err := sts.NewVendingKey(bytes.Repeat([]byte{0xab}, 8))
	if err != nil {
		t.Fatal(err)
	}
	fact := keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255, Test: true}
	if no, err := s.Add(fact, vk); err != nil || no.Refused() {
		t.Fatal(no.Detail(), err)
	}
	seen := map[bool]int{}
	kills := killedAtWrites(t, math.MaxInt, changedFolder, made, func(at, dir string) {
		s, changed := keyStore(t, dir), false
		if err := s.Unlock([]byte(passBefore)); err != nil {
			s, changed = keyStore(t, dir), true
			if err := s.Unlock([]byte(passAfter)); err != nil {
				t.Fatalf("killed at %s: neither passphrase opens the key store: %v", at, err)
			}
		}
		seen[changed]++
		if keys, err := s.List(); err != nil || len(keys) != 1 || keys[0] != fact {
			t.Errorf("killed at %s: the keys are %v, %v", at, keys, err)
		}
		if no, err := s.ChangePassphrase([]byte(passAfter)); err != nil || no.Refused() {
			t.Errorf("killed at %s: the change cannot be made again: %s %v", at, no.Detail(), err)
		}
	})
	t.Logf("figures: killed at %d writes; changed before the end: %v", kills, seen)
	if seen[false] == 0 || seen[true] == 0 || kills < 4 {
		t.Errorf("%d kills met the states %v, want both", kills, seen)
	}
}
