package linux

import (
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// system is the kernel itself.
type system struct{}

// System returns the kernel of this machine.
func System() Kernel { return system{} }

func (system) Open(path string) (int, error) { return unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0) }

func (system) Ioctl(fd int, request uint, arg []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(unsafe.Pointer(unsafe.SliceData(arg))))
	if errno != 0 {
		return errno
	}
	return nil
}

// File hands the descriptor to the runtime, which waits for it without blocking a thread, so that Close can end a Read.
func (system) File(fd int) io.ReadCloser {
	// If this fails, reads still work, but each holds a thread and Close cannot end it.
	_ = unix.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), "gpio-lines")
}

func (system) Close(fd int) error { return unix.Close(fd) }
