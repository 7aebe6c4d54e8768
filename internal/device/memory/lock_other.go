//go:build !unix

package memory

import "os"

// lockFile opens the lock of a folder. Where the system has no advisory locks, nothing stops a second process.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
