//go:build unix

package keystore

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/paywatt/paywatt/internal/fault"
)

// lockNow locks the file for this process and reports whether another process holds the lock. The kernel releases the lock when the process
// ends, so a crash leaves nothing to clean up.
func lockNow(f *os.File) (held bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return true, nil
	}
	return false, fault.Wrap(err, "lock %s", f.Name())
}

// syncDir makes a rename in the folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// othersMayRead reports whether the file's mode lets somebody other than its owner read it.
func othersMayRead(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }
