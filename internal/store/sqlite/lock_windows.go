package sqlite

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"github.com/paywatt/paywatt/internal/fault"
)

// lockNow locks the file for this process and reports whether another process holds the lock.
func lockNow(f *os.File) (held bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, fault.Wrap(err, "lock %s", f.Name())
}
