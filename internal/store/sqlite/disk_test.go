package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

// disk is a small disk that a test can fill: a separate file system if the test may mount one, otherwise SQLite's limit on the pages of the
// database. In both cases SQLite reports a full disk.
type disk struct {
	dir  string
	fill func(t *testing.T, e *sqlite.Engine, left int64) // fills the disk, except for the number of bytes in left
	free func(t *testing.T, e *sqlite.Engine)
}

// ballast fills a file system except for some bytes.
func ballast(path string, left int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, size := range []int{1 << 20, 4096, 1} {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		err = nil
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(max(0, size-left)), f.Close())
}

// pageLimit simulates a small disk by limiting the pages that SQLite may use.
func pageLimit(t *testing.T) disk {
	limit := func(t *testing.T, e *sqlite.Engine, more int64) {
		t.Helper()
		for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			err := e.Run(context.Background(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
				return false, tx.C.Query("PRAGMA page_count", func(r core.Row) error {
					return tx.C.Query(fmt.Sprintf("PRAGMA max_page_count = %d", r.Int(0)+more), func(core.Row) error { return nil })
				})
			})
			if err == nil {
				return
			}
			if time.Since(began) > await.Limit {
				t.Fatalf("%s: %v", await.NotInTime, err)
			}
		}
	}
	return disk{t.TempDir(), func(t *testing.T, e *sqlite.Engine, left int64) { limit(t, e, left/4096) },
		func(t *testing.T, e *sqlite.Engine) { limit(t, e, 1_000_000) }}
}

func TestAFullDiskLosesNothingAndPasses(t *testing.T) {
	tier.World(t)
	d := smallDisk(t)
	const reserve = 2 << 20
	e, err := sqlite.Open(d.dir, sqlite.Options{Reserve: reserve})
	if err != nil {
		t.Fatal(err)
	}
	stock(t, e, 7)
	sellOn := func(n int64) error {
		_, err := storetest.Do(context.Background(), e, store.FirstTenant, store.Sale, sellOne(n, 7))
		return err
	}
	n, done := int64(0), int64(0)
	for ; n < 50; done++ {
		n++
		if err := sellOn(n); err != nil {
			t.Fatal(err)
		}
	}
	d.fill(t, e, 0)
	refused := 0
	for refused == 0 && n < 5000 {
		n++
		switch err := sellOn(n); {
		case err == nil:
			done++
		case errors.Is(err, store.ErrFull) && !errors.Is(err, store.ErrOutcomeUnknown):
			refused++
		default:
			t.Fatalf("sale %d on a full disk: %v, want %v", n, err, store.ErrFull)
		}
	}
	if refused == 0 {
		t.Fatalf("the disk took %d sales and was never full", done)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "reserve")); err == nil && e.Health() != nil {
		t.Error("the disk is full and the reserve was not released")
	}
	if got := look(t, e, counter("receipt:main")); got != done {
		t.Errorf("reading on a full disk: %d receipts, want %d", got, done)
	}
	d.free(t, e)
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		n++
		err := sellOn(n)
		if err == nil {
			done++
			break
		}
		if !errors.Is(err, store.ErrFull) {
			t.Fatalf("with room again: %v", err)
		}
		if time.Since(began) > await.Limit {
			t.Fatalf("%s: the disk has room again: %v", await.NotInTime, err)
		}
	}
	if err := e.Health(); err != nil {
		t.Errorf("health with room again: %v, want nil", err)
	}
	if info, err := os.Stat(filepath.Join(d.dir, "reserve")); err != nil || info.Size() != reserve {
		t.Errorf("the reserve was not put back: %v, %v", info, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, d.dir); !r.Sound() || figure(r, "sales") != done {
		t.Errorf("%d sales, findings %v; want %d and none", figure(r, "sales"), r.Findings, done)
	}
}

// TestTheEndOfTheDiskIsCertainWhereverItComes fills the disk at random points of a sale. On a copy of the files, as a crash would leave
// them, it checks that exactly the acknowledged sales exist.
func TestTheEndOfTheDiskIsCertainWhereverItComes(t *testing.T) {
	tier.World(t)
	tier.Slow(t)
	const ends = 20
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 17))
	for range ends {
		d := smallDisk(t)
		e, err := sqlite.Open(d.dir, sqlite.Options{Reserve: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		stock(t, e, 7)
		left := rnd.Int64N(400_000)
		d.fill(t, e, left)
		sales := int64(0)
		for err == nil && sales < 500 {
			if _, err = storetest.Do(context.Background(), e, store.FirstTenant, store.Sale, sellOne(sales+1, 7)); err == nil {
				sales++
			}
		}
		if !errors.Is(err, store.ErrFull) {
			t.Errorf("%d bytes left: after %d sales: %v, want %v", left, sales, err, store.ErrFull)
		}
		if r := verify(t, copyDir(t, d.dir)); !r.Sound() || figure(r, "sales") != sales {
			t.Errorf("%d bytes left: %d sales, findings %v; want %d and none", left, figure(r, "sales"), r.Findings, sales)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("figures: %d ends of the disk, nothing lost and nothing half done", ends)
}

// onFull checks that reads still work on a full disk, including reads that add to the audit log.
func onFull(t *testing.T, e *sqlite.Engine) {
	t.Helper()
	for _, c := range []struct {
		name string
		fn   func(*store.Tx) (bool, error)
		want error
	}{
		{"a closure that reads", func(tx *store.Tx) (bool, error) { _, err := counter("a")(tx); return false, err }, nil},
		{"a closure that is audited", func(tx *store.Tx) (bool, error) {
			return false, tx.AuditLog(access.Entry{Actor: "clerk", Action: "token.show", Object: "a sale"})
		}, nil},
		{"a closure that writes", func(tx *store.Tx) (bool, error) {
			return false, errors.Join(tx.AuditLog(access.Entry{Actor: "clerk", Action: "act"}), tx.OnceDrop(access.Once{Key: "a"}))
		}, store.ErrFull},
		{"a closure that writes and asks", func(tx *store.Tx) (bool, error) {
			return false, tx.C.Query(`DELETE FROM counter WHERE name = $1 RETURNING name`, func(core.Row) error { return nil }, "a")
		}, store.ErrFull},
	} {
		if err := e.Run(context.Background(), store.FirstTenant, store.Sale, c.fn); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if got := look(t, e, counter("a")); got != 0 {
		t.Errorf("reading: %d, want 0", got)
	}
	acts := look(t, e, func(tx *store.Tx) (string, error) {
		acts := ""
		err := tx.C.Query(`SELECT action FROM audit ORDER BY id`, func(r core.Row) error { acts += r.Text(0) + " "; return nil })
		return acts, err
	})
	if acts != "token.show " {
		t.Errorf("audited: %q, want what was shown and nothing that was refused", acts)
	}
}

func TestAReserveThatDoesNotFitStartsWithoutTakingWork(t *testing.T) {
	tier.World(t)
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: 1 << 60})
	if err := e.Health(); !errors.Is(err, store.ErrFull) {
		t.Errorf("health: %v, want %v", err, store.ErrFull)
	}
	onFull(t, e)
	left, err := filepath.Glob(filepath.Join(dir, "reserve*"))
	if err != nil || len(left) != 0 {
		t.Errorf("an unfinished reserve was left behind: %v, %v", left, err)
	}
}
