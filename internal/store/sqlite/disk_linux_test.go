package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

// smallDisk mounts a file system of 16 MiB if this process may; otherwise it uses a page limit.
func smallDisk(t *testing.T) disk {
	t.Helper()
	d, err := diskOf(t, "16m")
	if err != nil {
		t.Logf("a page limit stands in for a full disk: %v", err)
		return pageLimit(t)
	}
	return d
}

// mountSmall mounts a file system of the given size on a folder and returns a function that unmounts it. A process that may not mount uses
// sudo, which must not need a password.
func mountSmall(folder, size string) (unmount func() error, err error) {
	options := fmt.Sprintf("mode=0700,uid=%d,gid=%d,size=%s", os.Getuid(), os.Getgid(), size)
	err = syscall.Mount("tmpfs", folder, "tmpfs", 0, options)
	if err == nil {
		return func() error { return syscall.Unmount(folder, syscall.MNT_DETACH) }, nil
	}
	said, sudo := exec.Command("sudo", "-n", "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder).CombinedOutput()
	if sudo != nil {
		return nil, fmt.Errorf("mount: %w; sudo -n mount: %w %q", err, sudo, bytes.TrimSpace(said))
	}
	return func() error { return exec.Command("sudo", "-n", "umount", "-l", folder).Run() }, nil
}

// diskOf mounts a file system of the given size.
func diskOf(t *testing.T, size string) (disk, error) {
	t.Helper()
	mount := t.TempDir()
	unmount, err := mountSmall(mount, size)
	if err != nil {
		err = fmt.Errorf("this process may not mount a file system of %s; run it as root (with CAP_SYS_ADMIN), or let sudo work without a password: %w", size, err)
		if tier.MustRun() {
			t.Fatal(err)
		}
		return disk{}, err
	}
	t.Cleanup(func() {
		if err := unmount(); err != nil {
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

// TestASmallDiskIsFullOnce checks that the log takes a small part of a small disk. It also checks that a full disk stays full until
// somebody makes room: the space freed by the reserve and the log does not count.
func TestASmallDiskIsFullOnce(t *testing.T) {
	tier.World(t)
	tier.Slow(t)
	const mib = 1 << 20
	d, err := diskOf(t, "48m")
	if err != nil {
		t.Skipf("NOT TESTED: a full disk stays full until somebody makes room. %v", err)
	}
	e := openIn(t, d.dir, sqlite.Options{Reserve: 8 * mib})
	stock(t, e, 50)
	longest, sold := int64(0), int64(0)
	sell := func() error { // twenty at once, as a busy server commits them
		sold += 20
		_, err := storetest.Do(context.Background(), e, store.FirstTenant, store.Sale, func(tx *store.Tx) (done sold20, err error) {
			for n := sold - 20; n < sold && err == nil; n++ {
				_, err = sellOne(n, 50)(tx)
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
	if longest > 13*mib { // a quarter of the disk, and one commit
		t.Errorf("on a disk of 48 MiB the log grew to %d MiB", longest/mib)
	}
	for n := range 20 {
		sqlite.Probe(e)
		if err := sell(); !errors.Is(err, store.ErrFull) {
			t.Fatalf("after check %d of a full disk a sale: %v, want %v", n+1, err, store.ErrFull)
		}
	}
	t.Logf("figures: %d sales on a disk of 48 MiB, the log at most %d MiB", sold, longest/mib)
}
