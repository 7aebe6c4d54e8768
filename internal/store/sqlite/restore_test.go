package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// useUp uses numbers that a restore must never use again. Its TIDs are far ahead of the clock.
func useUp(tx *store.Tx) (sold, error) {
	for _, sql := range []string{`UPDATE meter SET command_counter = command_counter + 100, lease_seq = lease_seq + 100 WHERE tenant_id = $1 AND n = 0`,
		`UPDATE token SET tid = 100 + (SELECT CASE WHEN k.tid_floor > token.tid THEN k.tid_floor ELSE token.tid END FROM meter_key k
			WHERE k.tenant_id = token.tenant_id AND k.id = token.meter_key_id) WHERE tenant_id = $1 AND meter = 0`} {
		if _, err := tx.C.Exec(sql, tx.Tenant); err != nil {
			return sold{}, err
		}
	}
	return sold{}, nil
}

// TestACopyThatIsRestoredTwiceUsesNothingTwice restores the same copy several times in the same minute, with work in between. A later
// restore cannot learn from the clock or from the copy which numbers were used after the first restore.
func TestACopyThatIsRestoredTwiceUsesNothingTwice(t *testing.T) {
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: -1})
	stock(t, e, 1)
	sell(t, e, sellOne(5, 1))
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.Backup(context.Background(), dir, to, fixed); err != nil {
		t.Fatal(err)
	}
	used, epoch := look(t, e, numbers), e.Epoch()
	for round := range 4 {
		sell(t, e, useUp)
		used = look(t, e, numbers)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if round == 2 { // a database that cannot be read still has its heads beside it
			if err := os.WriteFile(filepath.Join(dir, "paywatt.db"), []byte("no database"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		at := func() time.Time { return fixed().Add(time.Duration(round) * time.Second) } // all rounds are within one minute
		if _, _, err := sqlite.Restore(context.Background(), to, dir, true, at); err != nil {
			t.Fatal(err)
		}
		e = openIn(t, dir, sqlite.Options{Reserve: -1})
		if e.Epoch() <= epoch {
			t.Errorf("restore %d began epoch %d, but epoch %d was there before", round+1, e.Epoch(), epoch)
		}
		for i, n := range look(t, e, numbers) {
			if n < used[i] && round != 2 {
				t.Errorf("restore %d goes on at %v, but %v was used before", round+1, look(t, e, numbers), used)
				break
			}
		}
		epoch = e.Epoch()
		sell(t, e, sellOne(int64(10+round), 1)) // so that the database signs a head
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir); !r.Sound() {
		t.Errorf("findings after four restores: %v", r.Findings)
	}
}

// TestAFolderThatLostItsDatabaseIsNotBegunAnew checks that a server does not create an empty database in a folder that has lost its
// database: a supervisor may restart the server at once.
func TestAFolderThatLostItsDatabaseIsNotBegunAnew(t *testing.T) {
	for name, lose := range map[string]func(dir string) error{
		"deleted": func(dir string) error { return os.Remove(filepath.Join(dir, "paywatt.db")) },
		"emptied": func(dir string) error { return os.Truncate(filepath.Join(dir, "paywatt.db"), 0) },
		"restore interrupted": func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "paywatt.db"), filepath.Join(dir, ".restoring")), os.Remove(filepath.Join(dir, "heads.log")))
		},
	} {
		dir := shop(t, 2)
		to := filepath.Join(t.TempDir(), "backup")
		if _, err := sqlite.Backup(context.Background(), dir, to, fixed); err != nil {
			t.Fatal(err)
		}
		if err := lose(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.Open(dir, sqlite.Options{Reserve: -1}); !errors.Is(err, sqlite.ErrMissing) {
			t.Errorf("%s: opening gives %v, want %v", name, err, sqlite.ErrMissing)
		}
		if _, _, err := sqlite.Restore(context.Background(), to, dir, true, fixed); err != nil {
			t.Errorf("%s: restoring over it: %v", name, err)
		}
		if r := verify(t, dir); !r.Sound() || figure(r, "sales") != 2 {
			t.Errorf("%s: restored %d sales, findings %v; want 2 and none", name, figure(r, "sales"), r.Findings)
		}
	}
}

// TestARestoreThatDoesNotFitLeavesWhatWasThere checks that a restore whose copy fails leaves the folder as it was, because a restore makes
// its copy before it moves anything.
func TestARestoreThatDoesNotFitLeavesWhatWasThere(t *testing.T) {
	dir := shop(t, 2)
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.Backup(context.Background(), dir, to, fixed); err != nil {
		t.Fatal(err)
	}
	// The test puts a folder with content under the name of the copy, so that copying fails.
	if err := os.MkdirAll(filepath.Join(dir, ".restoring", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sqlite.Restore(context.Background(), to, dir, true, fixed); err == nil {
		t.Fatal("the restore succeeded over a folder")
	}
	if r := verify(t, dir); !r.Sound() || figure(r, "sales") != 2 {
		t.Errorf("after the failed restore: %d sales, findings %v; want what was there", figure(r, "sales"), r.Findings)
	}
}
