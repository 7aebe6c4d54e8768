package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
)

func fixed() time.Time { return time.Date(2026, 11, 20, 8, 0, 30, 0, time.UTC) }

func TestBackupsUnderLoadRestoreToSoundBooks(t *testing.T) {
	tier.Concurrent(t)
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: -1})
	stock(t, e, 7)
	sold := int64(0)
	for range tier.Backups.N() {
		had := look(t, e, counter("receipt:main"))
		to, back := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
		stop := make(chan struct{})
		var seller sync.WaitGroup
		seller.Go(func() { // sells from before the backup until after it
			for {
				sold++
				sell(t, e, sellOne(sold, 7))
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		_, err := sqlite.Backup(context.Background(), dir, to, time.Now)
		close(stop)
		seller.Wait()
		if err != nil {
			t.Fatal(err)
		}
		_, r, err := sqlite.VerifyBackup(context.Background(), to)
		if err != nil || !r.Sound() {
			t.Errorf("the backup: %v, %v; want it sound", err, r)
		}
		m, aside, err := sqlite.Restore(context.Background(), to, back, false, time.Now, "")
		if err != nil || aside != "" || m.Epoch != 2 {
			t.Fatalf("restore: epoch %d, aside %q, %v", m.Epoch, aside, err)
		}
		r = verify(t, back)
		if n := figure(r, "sales"); !r.Sound() || n < had {
			t.Errorf("restored %d sales, %d were durable before the backup; findings %v", n, had, r.Findings)
		}
		again := openIn(t, back, sqlite.Options{Reserve: -1})
		sell(t, again, sellOne(1_000_000_000, 7))
	}
}

func counter(name string) func(*store.Tx) (int64, error) {
	return func(tx *store.Tx) (n int64, err error) {
		err = tx.C.Query(`SELECT value FROM counter WHERE tenant_id = $1 AND name = $2`, func(r core.Row) error { n = r.Int(0); return nil }, tx.Tenant, name)
		return n, err
	}
}

func look[T any](t *testing.T, e store.Engine, fn func(*store.Tx) (T, error)) T {
	t.Helper()
	v, err := storetest.View(context.Background(), e, store.FirstTenant, fn)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// numbers returns the numbers that a restore must raise: command counter, lease sequence and last TID.
func numbers(tx *store.Tx) (out [3]int64, err error) {
	err = tx.C.Query(`SELECT command_counter, lease_seq FROM meter WHERE tenant_id = $1 AND n = 0`,
		func(r core.Row) error { out = [3]int64{r.Int(0), r.Int(1)}; return nil }, tx.Tenant)
	if err != nil {
		return out, err
	}
	key, err := keyOf(tx, customer(0))
	out[2] = int64(key.LastTID)
	return out, err
}

func TestRestoreMovesEverythingThatMayHaveBeenUsed(t *testing.T) {
	tier.World(t)
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: -1})
	stock(t, e, 1)
	ahead := fixed().UnixMilli() + 5_000_000
	sell(t, e, func(tx *store.Tx) (sold, error) {
		_, err := tx.C.Exec(`UPDATE meter SET command_counter = 7, lease_seq = $1 WHERE tenant_id = $2 AND n = 0`, ahead, tx.Tenant)
		return sold{}, err
	})
	sell(t, e, sellOne(5, 1))
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.Backup(context.Background(), dir, to, fixed); err != nil {
		t.Fatal(err)
	}
	sell(t, e, sellOne(6, 1)) // lost
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sqlite.Restore(context.Background(), to, dir, false, fixed, ""); !errors.Is(err, sqlite.ErrNotEmpty) {
		t.Errorf("restoring over a database: %v, want %v", err, sqlite.ErrNotEmpty)
	}
	_, aside, err := sqlite.Restore(context.Background(), to, dir, true, fixed, "")
	if err != nil {
		t.Fatal(err)
	}
	if r := verify(t, aside); figure(r, "sales") != 2 || !r.Sound() {
		t.Errorf("what was moved aside has %d sales, findings %v; want 2 and none", figure(r, "sales"), r.Findings)
	}
	again := openIn(t, dir, sqlite.Options{Reserve: -1})
	tid, err := sts.Base2014.TIDAt(fixed().Add(core.TIDMargin))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := look(t, again, numbers), [3]int64{fixed().UnixMilli(), ahead + 1, int64(tid)}; got != want {
		t.Errorf("command counter, lease sequence, last TID = %v, want %v", got, want)
	}
	look(t, again, func(tx *store.Tx) (time.Time, error) {
		at, err := tx.RestoredAt()
		if want := fixed().Truncate(time.Minute); !at.Equal(want) || tx.Epoch != 2 {
			t.Errorf("restored at %s in epoch %d, want %s in 2", at, tx.Epoch, want)
		}
		return at, err
	})
	if r := verify(t, dir); !r.Sound() || figure(r, "sales") != 1 {
		t.Errorf("restored: %d sales, findings %v; want 1 and none", figure(r, "sales"), r.Findings)
	}
}

func TestABackupThatIsNotWholeIsRefused(t *testing.T) {
	tier.World(t)
	dir := shop(t, 3)
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.Backup(context.Background(), dir, to, fixed); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Backup(context.Background(), dir, to, fixed); !errors.Is(err, sqlite.ErrNotEmpty) {
		t.Errorf("a backup over a backup: %v, want %v", err, sqlite.ErrNotEmpty)
	}
	for name, spoil := range map[string]func(dir string) error{
		"no manifest": func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) },
		"missing key": func(dir string) error { return os.Remove(filepath.Join(dir, "seal.key")) },
		"longer file": func(dir string) error { return appendTo(filepath.Join(dir, "paywatt.db"), "x") },
		"no JSON":     func(dir string) error { return appendTo(filepath.Join(dir, "manifest.json"), "x") },
		"path outside": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"format":1,"files":[{"name":"paywatt.db"},{"name":"../x"}]}`), 0o600)
		},
		"newer format": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"format":9}`), 0o600)
		},
		"other content": func(dir string) error { return os.WriteFile(filepath.Join(dir, "heads.log"), []byte("{}\n"), 0o600) },
	} {
		bad, target := copyDir(t, to), filepath.Join(t.TempDir(), "restored")
		if err := spoil(bad); err != nil {
			t.Fatal(err)
		}
		if _, _, err := sqlite.VerifyBackup(context.Background(), bad); err == nil {
			t.Errorf("%s: the backup was called sound", name)
		}
		if _, _, err := sqlite.Restore(context.Background(), bad, target, false, fixed, ""); err == nil {
			t.Errorf("%s: the backup was restored", name)
		}
		if _, err := os.Stat(filepath.Join(target, "paywatt.db")); err == nil {
			t.Errorf("%s: a database was left behind", name)
		}
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func TestATornLineOfHeadsIsNoAlarm(t *testing.T) {
	tier.World(t)
	dir := shop(t, 2)
	if err := appendTo(filepath.Join(dir, "heads.log"), `{"tenant":1,"note":"paywatt/06`); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir); !r.Sound() || figure(r, "torn lines in heads.log") != 1 {
		t.Errorf("figures %v, findings %v; want a torn line and nothing found", r.Figures, r.Findings)
	}
	e := openIn(t, dir, sqlite.Options{Reserve: -1})
	sell(t, e, sellOne(3, 7))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir); !r.Sound() || figure(r, "heads kept outside the database") != 3 || figure(r, "torn lines in heads.log") == 1 {
		t.Errorf("figures %v, findings %v; want three heads, no torn line any more and nothing found", r.Figures, r.Findings)
	}
	if err := appendTo(filepath.Join(dir, "heads.log"), `{"tenant":1,"note":"paywatt/06"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir); r.Sound() {
		t.Error("a head without a signature was not found")
	}
}

// TestADamagedLogOfHeadsIsFound checks that verification finds a damaged log of heads until somebody repairs it, even after a server has
// started and signed more heads. Verification finds no fault in the books themselves.
func TestADamagedLogOfHeadsIsFound(t *testing.T) {
	tier.World(t)
	for name, c := range map[string]struct {
		spoil func(path string, text []byte) error
		want  string
	}{
		"a line of garbage": {func(path string, _ []byte) error { return appendTo(path, "garbage\n") }, "of heads.log is broken"},
		"a line cut short": {func(path string, text []byte) error {
			return os.WriteFile(path, append(text[:40:40], append([]byte("\n"), text...)...), 0)
		}, "Line 1 of heads.log is broken"},
		"a line overwritten": {func(path string, text []byte) error {
			text[30] = '"'
			return os.WriteFile(path, append(text, text...), 0)
		}, "Line 1 of heads.log is broken"},
		"emptied":             {func(path string, _ []byte) error { return os.Truncate(path, 0) }, "is empty, but the database has 3"},
		"removed":             {func(path string, _ []byte) error { return os.Remove(path) }, "heads.log) is missing"},
		"nothing but a space": {func(path string, _ []byte) error { return os.WriteFile(path, []byte(" \n"), 0) }, "is empty, but the database has 3"},
	} {
		dir := shop(t, 2)
		path := filepath.Join(dir, "heads.log")
		text, err := os.ReadFile(path)
		if err == nil {
			err = c.spoil(path, text)
		}
		if err != nil {
			t.Fatal(err)
		}
		found := func(when, want string) {
			t.Helper()
			r := verify(t, dir)
			if r.Sound() || r.Findings[0].Rule != store.RuleHeads || !strings.Contains(r.Findings[0].What, want) {
				t.Errorf("%s: %s verification found %v, want %q", name, when, r.Findings, want)
			}
			if f, stops := r.Stops(); stops {
				t.Errorf("%s: %s selling would stop: %v", name, when, f)
			}
		}
		found("at once", c.want)
		var log bytes.Buffer
		e := openIn(t, dir, sqlite.Options{Reserve: -1, Log: slog.New(slog.NewTextHandler(&log, nil))})
		sell(t, e, sellOne(3, 7))
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "heads.log") {
			t.Errorf("%s: the start said %q", name, &log)
		}
		want := c.want
		if !strings.Contains(want, "broken") {
			want = "was found without its heads at"
		}
		found("after a start", want)
	}
}

// TestALogOfHeadsThatIsEmptiedUnderAServer checks that verification also finds the damage of a log of heads that was emptied, cut or
// removed while a server ran.
func TestALogOfHeadsThatIsEmptiedUnderAServer(t *testing.T) {
	tier.World(t)
	for name, spoil := range map[string]func(path string) error{
		"emptied": func(path string) error { return os.Truncate(path, 0) }, "cut": func(path string) error { return os.Truncate(path, 100) },
		"removed": os.Remove,
	} {
		dir := shop(t, 3)
		e := openIn(t, dir, sqlite.Options{Reserve: -1})
		if err := spoil(filepath.Join(dir, "heads.log")); err != nil {
			t.Fatal(err)
		}
		sell(t, e, sellOne(4, 7))
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, dir); r.Sound() || !strings.Contains(r.Findings[0].What, "was found without its heads at") {
			t.Errorf("%s: found %v", name, r.Findings)
		}
	}
}

func TestRestoreNeedsTheServerStopped(t *testing.T) {
	tier.World(t)
	dir := shop(t, 1)
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.Backup(context.Background(), dir, to, fixed); err != nil {
		t.Fatal(err)
	}
	lock, err := sqlite.TakeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := sqlite.Restore(context.Background(), to, dir, true, fixed, ""); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("restoring under a running server: %v, want %v", err, sqlite.ErrLocked)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir); !r.Sound() {
		t.Errorf("findings after the refusal: %v", r.Findings)
	}
}
