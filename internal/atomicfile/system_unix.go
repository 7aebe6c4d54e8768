//go:build unix

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/paywatt/paywatt/internal/fault"
)

// TryLock locks the file for this process and reports whether another process holds the lock. The kernel releases the lock when the process
// ends, so a crash leaves nothing to clean up.
func TryLock(f *os.File) (held bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return true, nil
	}
	return false, fault.Wrap(err, "lock %s", f.Name())
}

// SyncFolder makes the names in a folder durable.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// isOwn reports whether the user of this process owns a file.
func isOwn(info fs.FileInfo) bool {
	s, known := info.Sys().(*syscall.Stat_t)
	return known && int(s.Uid) == os.Geteuid()
}

// deviceOf returns a number that differs for each disk.
func deviceOf(path string) (device uint64, known bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	s, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return uint64(s.Dev), true
}
