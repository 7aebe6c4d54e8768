package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// smallDisk mounts a file system of 16 MiB where this process may, else it falls back to a page limit.
func smallDisk(t *testing.T) disk {
	t.Helper()
	d, err := diskOf(t, "16m")
	if err != nil {
		t.Logf("a page limit stands in for a full disk: %v", err)
		return pageLimit(t)
	}
	return d
}

// diskOf mounts a file system of the given size.
func diskOf(t *testing.T, size string) (disk, error) {
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		return disk{}, err
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(mount, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(mount, "ballast")
	return disk{
		dir: filepath.Join(mount, "data"),
		fill: func(t *testing.T, _ *sqlite.Engine, left int64) {
			if err := ballast(filler, left); err != nil {
				t.Fatal(err)
			}
		},
		free: func(t *testing.T, _ *sqlite.Engine) {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		},
	}, nil
}

type sold20 struct{}

// TestASmallDiskIsFullOnce: the log takes a small part of a small disk, and when the disk is full, it stays so until somebody
// makes room: what the reserve and the log give back is not taken for room.
func TestASmallDiskIsFullOnce(t *testing.T) {
	const mib = 1 << 20
	d, err := diskOf(t, "48m")
	if err != nil {
		t.Skipf("no small file system can be mounted here: %v", err)
	}
	e := openIn(t, d.dir, sqlite.Options{Reserve: 8 * mib})
	stock(t, e, 50)
	longest, sold := int64(0), int64(0)
	sell := func() error { // twenty at once, as a busy server commits them
		sold += 20
		_, err := store.Do(context.Background(), e, store.FirstTenant, store.Sale, func(tx *store.Tx) (done sold20, err error) {
			for n := sold - 20; n < sold && err == nil; n++ {
				_, err = sale(n, 50)(tx)
			}
			return done, err
		})
		if fi, err := os.Stat(filepath.Join(d.dir, "paywatt.db-wal")); err == nil {
			longest = max(longest, fi.Size())
		}
		return err
	}
	for err == nil && sold < 100_000 {
		err = sell()
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("after %d sales: %v, want %v", sold, err, store.ErrFull)
	}
	if longest > 12*mib {
		t.Errorf("on a disk of 48 MiB the log grew to %d MiB", longest/mib)
	}
	for began := time.Now(); time.Since(began) < 2500*time.Millisecond; time.Sleep(10 * time.Millisecond) { // two looks at the disk
		if err := sell(); !errors.Is(err, store.ErrFull) {
			t.Fatalf("%v after the disk was full a sale: %v, want %v", time.Since(began).Round(time.Millisecond), err, store.ErrFull)
		}
	}
	t.Logf("figures: %d sales on a disk of 48 MiB, the log at most %d MiB", sold, longest/mib)
}
