//go:build !unix

package memory

import "os"

// lockFile opens the lock file of a folder. This system has no advisory locks, so nothing stops a second process.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
