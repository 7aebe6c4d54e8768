//go:build linux || darwin || freebsd

package sqlite

import "golang.org/x/sys/unix"

// spaceOf returns the space of the file system of dir; it returns the zero space if the space is unknown.
func spaceOf(dir string) space {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return space{}
	}
	return space{free: int64(s.Bavail) * int64(s.Bsize), total: int64(s.Blocks) * int64(s.Bsize)}
}
