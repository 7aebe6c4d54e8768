package keystore

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"

	"github.com/paywatt/paywatt/internal/fault"
)

// lockNow locks the file for this process and reports whether another process holds the lock. The system releases the lock when the process
// ends, so a crash leaves nothing to clean up.
func lockNow(f *os.File) (held bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, fault.Wrap(err, "lock %s", f.Name())
}

// syncDir does nothing: Windows has no way to sync a folder, and NTFS journals the rename itself.
func syncDir(string) error { return nil }

// othersMayRead always returns false: on Windows the mode bits of a file say nothing about its access list.
func othersMayRead(fs.FileInfo) bool { return false }
