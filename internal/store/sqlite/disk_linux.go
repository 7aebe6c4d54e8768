package sqlite

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves n bytes on the disk.
func allocate(f *os.File, n int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, n)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return zeros(f, n)
	}
	return err
}
