package app

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tier"
)

func rotateSeal(t *testing.T, dir string) (SealKeyResult, error) {
	t.Helper()
	return RotateSealKey(t.Context(), dir, "", slog.New(slog.DiscardHandler))
}

// sealKey reads the seal key of a folder.
func sealKey(t *testing.T, dir string) (seal.Key, seal.Chain) {
	t.Helper()
	k, c, err := headlog.OpenKey(dir, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k, c
}

// soundFor verifies a folder for somebody who holds a public line and a copy of a log of heads.
func soundFor(t *testing.T, dir, public, heads string) {
	t.Helper()
	r, err := Verify(t.Context(), dir, "", headlog.ExternalHeads{Public: public, Heads: heads})
	if err != nil || !r.Sound() || len(r.Notices) > 0 {
		t.Fatalf("the books for the holder of %s: %+v, %v", public, r, err)
	}
}

// TestAnOldPublicLineLeadsToTheNewSealKey: after several rotations the books are sound for the holder of any of the keys, and for the holder of
// heads of any time. The old private keys are in no file.
func TestAnOldPublicLineLeadsToTheNewSealKey(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	dir := t.TempDir()
	login, link := keyedFolder(t, dir)
	type held struct{ public, heads string }
	var all []held
	for n := range 3 {
		k, _ := sealKey(t, dir)
		kept := held{k.Public(), filepath.Join(t.TempDir(), "heads.log")}
		text, err := os.ReadFile(filepath.Join(dir, headlog.File))
		if err == nil {
			err = os.WriteFile(kept.heads, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, kept)
		got, err := rotateSeal(t, dir)
		if err != nil || got.Resumed || got.Logs != 1 || got.Public == k.Public() {
			t.Fatalf("rotation %d: %+v, %v", n+1, got, err)
		}
		for _, h := range all {
			soundFor(t, dir, h.public, h.heads)
		}
		works(t, dir, login, link) // writes under the new key
		for _, h := range append(all, held{got.Public, filepath.Join(dir, headlog.File)}) {
			soundFor(t, dir, h.public, h.heads)
		}
		secret := []byte(k.Reveal()[:60])
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		hidden, err2 := filepath.Glob(filepath.Join(dir, ".*"))
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for _, f := range append(files, hidden...) {
			if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, secret) {
				t.Errorf("the old private key is still in %s", f)
			}
		}
	}
	r, err := Verify(t.Context(), dir, "", headlog.ExternalHeads{Public: "paywatt-x+00000000+AAAA"})
	if err != nil || r.Sound() {
		t.Errorf("the books are sound for the holder of another key: %v", err)
	}
}

// TestAThiefOfTheOldSealKeyGetsNothing: heads that the old key signs after its hand-over are findings, in the database and beside it, and so is
// another hand-over by the old key.
func TestAThiefOfTheOldSealKeyGetsNothing(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	made := t.TempDir()
	login, link := keyedFolder(t, made)
	old, _ := sealKey(t, made)
	if _, err := rotateSeal(t, made); err != nil {
		t.Fatal(err)
	}
	works(t, made, login, link)
	_, keys := sealKey(t, made)
	over := keys.HandOvers("")[0]
	later := over.Head
	later.Size, later.Seal = later.Size+1, later.Seal+1
	next, err := headlog.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	another, err := seal.SignHandOver(old, next, over.Head)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(h seal.Head) string {
		note, err := old.Sign(h)
		if err != nil {
			t.Fatal(err)
		}
		return note
	}
	for name, plant := range map[string]func(dir string) error{
		"a later head beside the database": func(dir string) error { return addLine(dir, fmt.Sprintf(`{"tenant":1,"note":%q}`, sign(later))) },
		"another hand-over":                func(dir string) error { return addLine(dir, fmt.Sprintf(`{"handover":%q}`, another.Note)) },
		"a later head in the database": func(dir string) error {
			s := openFor(t, dir, login)
			err := s.engine.View(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
				h, err := tx.NewestHead(keys)
				later = h
				return err
			})
			s.exec(`UPDATE seal SET head = $1 WHERE n = $2`, sign(later), later.Seal)
			return errors.Join(err, s.close())
		},
		"a rewritten past of the old key": func(dir string) error {
			h := over.Head
			h.Root[0] ^= 1
			return addLine(dir, fmt.Sprintf(`{"tenant":1,"note":%q}`, sign(h)))
		},
	} {
		dir := t.TempDir()
		copyFolder(t, made, dir)
		soundFor(t, dir, old.Public(), "")
		if err := plant(dir); err != nil {
			t.Fatal(err)
		}
		if r := check(t, dir); len(r.Findings) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

func addLine(dir, line string) error {
	f, err := os.OpenFile(filepath.Join(dir, headlog.File), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// TestABackupFromBeforeASealKey: the database of the time before is sound under the newest key, after a new epoch began.
func TestABackupFromBeforeASealKey(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	dir := t.TempDir()
	login, link := keyedFolder(t, dir)
	backup, restored := filepath.Join(t.TempDir(), "b"), t.TempDir()
	if _, err := sqlite.Backup(t.Context(), dir, backup, time.Now); err != nil {
		t.Fatal(err)
	}
	works(t, dir, login, link) // a time that the restore loses
	old, _ := sealKey(t, dir)
	got, err := rotateSeal(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	copyFolder(t, dir, restored)
	if _, _, err := sqlite.Restore(t.Context(), backup, restored, true, time.Now, ""); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, headlog.KeyFile))
	if err == nil {
		err = os.WriteFile(filepath.Join(restored, headlog.KeyFile), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	works(t, restored, login, link)
	for _, public := range []string{old.Public(), got.Public} {
		soundFor(t, restored, public, filepath.Join(dir, headlog.File))
	}
}

// sealedFolder names the folder in which a copy of the test binary rotates the seal key.
const sealedFolder = "PAYWATT_TEST_ROTATE_SEAL"

// TestASealKeyKilledAtEveryWrite kills a rotation before each write, sync and rename, in ./check once for each kind of call. After each kill the books are sound, under the old key or the
// new one, and a server works. Then the same command ends the rotation.
func TestASealKeyKilledAtEveryWrite(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	if dir := os.Getenv(sealedFolder); dir != "" {
		runtime.LockOSThread() // strace counts the writes of each thread on its own
		if _, err := rotateSeal(t, dir); err != nil {
			t.Fatal(err)
		}
		return
	}
	tier.Program(t, "strace")
	made := t.TempDir()
	login, link := keyedFolder(t, made)
	old, _ := sealKey(t, made)
	heads := filepath.Join(made, headlog.File)
	seen := map[string]int{}
	kills := killedAtWrites(t, tier.RotationKills.N(), sealedFolder, made, func(at, dir string) {
		k, _ := sealKey(t, dir)
		staged, err := headlog.StagedKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprintf("new key %t, staged %t", k.Public() != old.Public(), staged != "")]++
		soundFor(t, dir, old.Public(), heads)
		if len(at)%2 == 0 { // a server is started before the command is run again
			works(t, dir, login, link)
		}
		got, err := rotateSeal(t, dir)
		if err != nil || got.Resumed != (staged != "" && staged == k.Public()) || got.Public == old.Public() {
			t.Fatalf("killed at %s: it does not go on: %+v, %v", at, got, err)
		}
		works(t, dir, login, link)
		soundFor(t, dir, old.Public(), heads)
		if staged, err := headlog.StagedKey(dir); staged != "" || err != nil {
			t.Errorf("killed at %s: the staged key is still there: %v", at, err)
		}
	})
	t.Logf("figures: killed at %d writes; keys found: %v", kills, seen)
	if len(seen) < 2 || tier.IsLong() && len(seen) != 4 {
		t.Errorf("the kills did not meet every state: %v", seen)
	}
}
