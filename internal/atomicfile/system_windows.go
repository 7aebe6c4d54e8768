package atomicfile

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"

	"github.com/paywatt/paywatt/internal/fault"
)

// TryLock locks the file for this process and reports whether another process holds the lock. The system releases the lock when the process
// ends, so a crash leaves nothing to clean up.
func TryLock(f *os.File) (held bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, fault.Wrap(err, "lock %s", f.Name())
}

// SyncFolder does nothing: Windows has no way to sync a folder, and NTFS journals the rename itself.
func SyncFolder(string) error { return nil }

// isOwn always returns true: each user has a folder for temporary files of their own.
func isOwn(fs.FileInfo) bool { return true }

// deviceOf returns that the disk is not known.
func deviceOf(string) (device uint64, known bool) { return 0, false }
