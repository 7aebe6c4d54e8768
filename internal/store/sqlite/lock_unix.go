//go:build unix

package sqlite

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/paywatt/paywatt/internal/fault"
)

// lockNow locks the file for this process and reports whether another process holds the lock.
func lockNow(f *os.File) (held bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, fault.Wrap(err, "lock %s", f.Name())
}
