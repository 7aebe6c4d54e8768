//go:build linux || darwin || freebsd

package main

import "golang.org/x/sys/unix"

// freeDisk returns how many bytes this user may still write on the file system of dir.
func freeDisk(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
