package sqlite_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// smallDisk mounts a file system of 16 MiB where this process may, else it falls back to a page limit.
func smallDisk(t *testing.T) disk {
	t.Helper()
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=16m,mode=0700"); err != nil {
		t.Logf("a page limit stands in for a full disk: %v", err)
		return pageLimit(t)
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
	}
}
