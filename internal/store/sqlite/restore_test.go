package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
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
	tier.World(t)
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
		if _, _, err := sqlite.Restore(context.Background(), to, dir, true, at, ""); err != nil {
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

// TestTwoRestoresOfACopyGiveDifferentReceipts restores a copy into two folders that do not know of each other. Both begin the same epoch, but their
// receipt numbers differ. A folder that an older version restored goes on without letters.
func TestTwoRestoresOfACopyGiveDifferentReceipts(t *testing.T) {
	tier.World(t)
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.Backup(context.Background(), shop(t, 2), to, fixed); err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	for range 2 {
		dir := t.TempDir()
		if _, _, err := sqlite.Restore(context.Background(), to, dir, true, fixed, ""); err != nil {
			t.Fatal(err)
		}
		e := openIn(t, dir, sqlite.Options{Reserve: -1})
		for range 2 {
			no := receiptOf(t, e)
			if !regexp.MustCompile(`^main-00000[34]/2[a-z]{4}$`).MatchString(no) || given[no] {
				t.Errorf("receipt %s, want a number of its own with the epoch and four letters (before: %v)", no, given)
			}
			given[no] = true
		}
		_, err := storetest.Do(t.Context(), e, store.FirstTenant, store.Job, func(tx *store.Tx) (int64, error) { return tx.C.Exec(`DELETE FROM meta WHERE key = 'receipts:2'`) })
		if no := receiptOf(t, e); err != nil || no != "main-000005/2" {
			t.Errorf("without letters: receipt %s (%v), want main-000005/2", no, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func receiptOf(t *testing.T, e store.Engine) string {
	t.Helper()
	no, err := storetest.Do(t.Context(), e, store.FirstTenant, store.Sale, func(tx *store.Tx) (string, error) { return tx.Selling().ReceiptNo("main") })
	if err != nil {
		t.Fatal(err)
	}
	return no
}

// TestAFolderThatLostItsDatabaseIsNotBegunAnew checks that a server does not create an empty database in a folder that has lost its
// database: a supervisor may restart the server at once.
func TestAFolderThatLostItsDatabaseIsNotBegunAnew(t *testing.T) {
	tier.World(t)
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
		if _, _, err := sqlite.Restore(context.Background(), to, dir, true, fixed, ""); err != nil {
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
	tier.World(t)
	dir := shop(t, 2)
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.Backup(context.Background(), dir, to, fixed); err != nil {
		t.Fatal(err)
	}
	// The test puts a folder with content under the name of the copy, so that copying fails.
	if err := os.MkdirAll(filepath.Join(dir, ".restoring", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sqlite.Restore(context.Background(), to, dir, true, fixed, ""); err == nil {
		t.Fatal("the restore succeeded over a folder")
	}
	if r := verify(t, dir); !r.Sound() || figure(r, "sales") != 2 {
		t.Errorf("after the failed restore: %d sales, findings %v; want what was there", figure(r, "sales"), r.Findings)
	}
}

// filesOf lists the files below a folder with their content, without locks and without what SQLite keeps beside a database.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, "-shm") || strings.HasSuffix(name, "-wal") {
			return err
		}
		text, err := os.ReadFile(path)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// backedUp returns the data folder of a shop and a backup of it.
func backedUp(t *testing.T) (dir, backup string) {
	t.Helper()
	dir, backup = shop(t, 2), filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.Backup(context.Background(), dir, backup, fixed); err != nil {
		t.Fatal(err)
	}
	return dir, backup
}

// TestARestoreThatFailsPutsEverythingBack fails a restore while the restored files get their names. The folder must be as it was, and the
// same restore must work when the cause is gone.
func TestARestoreThatFailsPutsEverythingBack(t *testing.T) {
	tier.World(t)
	for name, isThere := range map[string]bool{"over a database": true, "into an empty folder": false} {
		dir, backup := backedUp(t)
		if !isThere {
			dir = t.TempDir()
		} else if err := os.Remove(filepath.Join(dir, "seal.key")); err != nil {
			t.Fatal(err)
		}
		inTheWay := filepath.Join(dir, "seal.key", "own") // a file cannot replace a folder
		if err := os.MkdirAll(inTheWay, 0o700); err != nil {
			t.Fatal(err)
		}
		before := filesOf(t, dir)
		if _, aside, err := sqlite.Restore(context.Background(), backup, dir, true, fixed, ""); err == nil || aside != "" {
			t.Fatalf("%s: the restore succeeded over a folder: %q, %v", name, aside, err)
		}
		if after := filesOf(t, dir); !maps.Equal(after, before) {
			t.Errorf("%s: the folder has %v, before it had %v", name, slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
		}
		if left, err := filepath.Glob(filepath.Join(dir, "replaced-*")); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", name, left, err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "seal.key")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := sqlite.Restore(context.Background(), backup, dir, isThere, fixed, ""); err != nil {
			t.Errorf("%s: the same restore again: %v", name, err)
		}
		if r := verify(t, dir); !r.Sound() || figure(r, "sales") != 2 {
			t.Errorf("%s: after the same restore again: %v", name, r.Findings)
		}
	}
}

// TestARestoreThatWasKilledWorksAgain puts a folder into each state that a killed restore leaves. The same restore must work, without force,
// and delete nothing that it finds. The folder must not be served meanwhile.
func TestARestoreThatWasKilledWorksAgain(t *testing.T) {
	tier.World(t)
	const keys = ".restoring-files"
	for name, c := range map[string]struct {
		moved   []string // files that had their names already
		foreign string   // a file of somebody else
		err     error
	}{
		"before the first name":    {nil, "", nil},
		"after the first name":     {[]string{"heads.log"}, "", nil},
		"before the last name":     {[]string{"heads.log", "seal.key"}, "", nil},
		"and keys of another came": {[]string{"heads.log"}, "keystore", sqlite.ErrNotEmpty},
	} {
		_, backup := backedUp(t)
		dir := filepath.Join(t.TempDir(), "restored")
		if _, _, err := sqlite.Restore(context.Background(), backup, dir, false, fixed, ""); err != nil {
			t.Fatal(err)
		}
		steps := []error{os.Mkdir(filepath.Join(dir, keys), 0o700), os.WriteFile(filepath.Join(dir, keys, ".moving"), []byte("heads.log\nseal.key"), 0o600),
			os.Rename(filepath.Join(dir, "paywatt.db"), filepath.Join(dir, ".restoring"))}
		for _, file := range []string{"heads.log", "seal.key"} {
			if !slices.Contains(c.moved, file) {
				steps = append(steps, os.Rename(filepath.Join(dir, file), filepath.Join(dir, keys, file)))
			}
		}
		if c.foreign != "" {
			steps = append(steps, os.WriteFile(filepath.Join(dir, c.foreign), []byte("own"), 0o600))
		}
		if err := errors.Join(steps...); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.Open(dir, sqlite.Options{Reserve: -1}); !errors.Is(err, sqlite.ErrMissing) {
			t.Errorf("%s: opening gives %v, want %v", name, err, sqlite.ErrMissing)
		}
		m, aside, err := sqlite.Restore(context.Background(), backup, dir, false, fixed, "")
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: the same restore again: %v, want %v", name, err, c.err)
		}
		if err != nil {
			continue
		}
		if m.Epoch != 3 {
			t.Errorf("%s: epoch %d, want 3 after the one that was killed", name, m.Epoch)
		}
		if (aside != "") != (len(c.moved) > 0) {
			t.Errorf("%s: moved to %q, want %v there", name, aside, c.moved)
		}
		for _, file := range c.moved {
			if _, err := os.Stat(filepath.Join(aside, file)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, left := range []string{keys, ".restoring", ".restoring.new"} {
			if _, err := os.Stat(filepath.Join(dir, left)); err == nil {
				t.Errorf("%s: %s is left", name, left)
			}
		}
		if r := verify(t, dir); !r.Sound() || figure(r, "sales") != 2 {
			t.Errorf("%s: after the same restore again: %v", name, r.Findings)
		}
	}
}

// TestASecondRestoreThatFailsKeepsTheNumbersOfTheFirst fails a restore after one that was killed. Only the copy of the killed one knows the
// epoch that it began, so that copy must stay.
func TestASecondRestoreThatFailsKeepsTheNumbersOfTheFirst(t *testing.T) {
	tier.World(t)
	_, backup := backedUp(t)
	dir := filepath.Join(t.TempDir(), "restored")
	if _, _, err := sqlite.Restore(context.Background(), backup, dir, false, fixed, ""); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(filepath.Join(dir, "paywatt.db"), filepath.Join(dir, ".restoring")), os.Remove(filepath.Join(dir, "heads.log")),
		os.Remove(filepath.Join(dir, "seal.key")), os.MkdirAll(filepath.Join(dir, "seal.key", "own"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sqlite.Restore(context.Background(), backup, dir, false, fixed, ""); err == nil {
		t.Fatal("the restore succeeded over a folder")
	}
	if _, err := sqlite.Open(dir, sqlite.Options{Reserve: -1}); !errors.Is(err, sqlite.ErrMissing) {
		t.Errorf("opening gives %v, want %v", err, sqlite.ErrMissing)
	}
	if err := os.RemoveAll(filepath.Join(dir, "seal.key")); err != nil {
		t.Fatal(err)
	}
	m, _, err := sqlite.Restore(context.Background(), backup, dir, false, fixed, "")
	if err != nil || m.Epoch != 4 {
		t.Errorf("the third restore began epoch %d, %v; want 4", m.Epoch, err)
	}
}

// TestABackupThatFailsLeavesNothing stops a backup. There is no folder afterwards, an empty one is empty again, and the same backup works.
func TestABackupThatFailsLeavesNothing(t *testing.T) {
	tier.World(t)
	dir := shop(t, 2)
	stopped, stop := context.WithCancel(context.Background())
	stop()
	for name, isThere := range map[string]bool{"a new folder": false, "an empty folder": true} {
		parent := t.TempDir()
		to := filepath.Join(parent, "deep", "copy")
		if isThere {
			to = parent
		}
		if _, err := sqlite.Backup(stopped, dir, to, fixed); err == nil {
			t.Fatalf("%s: a backup that was stopped succeeded", name)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", name, left, err)
		}
		if _, err := sqlite.Backup(context.Background(), dir, to, fixed); err != nil {
			t.Errorf("%s: the same backup again: %v", name, err)
		}
		if _, r, err := sqlite.VerifyBackup(context.Background(), to); err != nil || !r.Sound() {
			t.Errorf("%s: the backup: %v", name, err)
		}
	}
}

// TestKeysAreCopiedTwice copies the keys of a data folder into a folder that has them already, as after a copy of the store that was killed. The
// folder is the root of a disk.
func TestKeysAreCopiedTwice(t *testing.T) {
	tier.World(t)
	dir, to := shop(t, 2), filepath.Join(t.TempDir(), "keys")
	if err := sqlite.CopyKeys(dir, to); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(appendTo(filepath.Join(dir, "heads.log"), "more\n"), os.Mkdir(filepath.Join(to, "lost+found"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlite.CheckKeysFolder(dir, to), sqlite.CopyKeys(dir, to), os.Remove(filepath.Join(to, "lost+found"))); err != nil {
		t.Errorf("a second time: %v", err)
	}
	for _, name := range []string{"heads.log", "seal.key"} {
		was, err := os.ReadFile(filepath.Join(dir, name))
		got, also := os.ReadFile(filepath.Join(to, name))
		if err != nil || also != nil || string(was) != string(got) {
			t.Errorf("%s differs: %v, %v", name, err, also)
		}
	}
	for name, spoil := range map[string]func(to string) error{
		"another file":  func(to string) error { return os.WriteFile(filepath.Join(to, "own"), nil, 0o600) },
		"another key":   func(to string) error { return appendTo(filepath.Join(to, "seal.key"), "x") },
		"other heads":   func(to string) error { return os.WriteFile(filepath.Join(to, "heads.log"), []byte("other\n"), 0o600) },
		"a missing key": func(to string) error { return os.Remove(filepath.Join(to, "seal.key")) },
	} {
		spoilt := copyDir(t, to)
		if err := spoil(spoilt); err != nil {
			t.Fatal(err)
		}
		before := filesOf(t, spoilt)
		if err := sqlite.CopyKeys(dir, spoilt); !errors.Is(err, sqlite.ErrNotEmpty) {
			t.Errorf("%s: %v, want %v", name, err, sqlite.ErrNotEmpty)
		}
		if after := filesOf(t, spoilt); !maps.Equal(after, before) {
			t.Errorf("%s: the folder was changed", name)
		}
	}
}
