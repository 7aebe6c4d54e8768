//go:build !linux

package sqlite

import "os"

// allocate reserves n bytes on the disk.
func allocate(f *os.File, n int64) error { return zeros(f, n) }
