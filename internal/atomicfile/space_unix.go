//go:build linux || darwin || freebsd

package atomicfile

import "golang.org/x/sys/unix"

// spaceOf returns the space of the disk of an existing folder; the zero space if it is unknown.
func spaceOf(dir string) Space {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return Space{}
	}
	return Space{Free: int64(s.Bavail) * int64(s.Bsize), Total: int64(s.Blocks) * int64(s.Bsize)}
}
