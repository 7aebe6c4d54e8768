//go:build !linux

package linux

import (
	"errors"
	"io"
)

// system is a kernel without the GPIO character device.
type system struct{}

// System returns a kernel that fails every request, because this system has no GPIO character device.
func System() Kernel { return system{} }

func (system) Open(string) (int, error)      { return -1, errors.ErrUnsupported }
func (system) Ioctl(int, uint, []byte) error { return errors.ErrUnsupported }
func (system) File(int) io.ReadCloser        { return io.NopCloser(nil) }
func (system) Close(int) error               { return errors.ErrUnsupported }
