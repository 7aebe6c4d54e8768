//go:build unix

package gateway

import (
	"io"
	"net"
	"syscall"
)

// rawOf returns a way to wait for a socket's bytes without a buffer, or nil. TLS has none.
func rawOf(c net.Conn) syscall.RawConn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// fillRaw takes a buffer each time that the socket may have bytes, and gives it back if there are none.
func (in *input) fillRaw() error {
	var n int
	var failed error
	err := in.raw.Read(func(fd uintptr) bool {
		in.buf = in.pool.get(false)
		for {
			n, failed = syscall.Read(int(fd), *in.buf)
			if failed != syscall.EINTR {
				break
			}
		}
		if failed == syscall.EAGAIN {
			in.free()
			return false
		}
		return true
	})
	if err == nil {
		err = failed
	}
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		in.free()
		return ended(0, err)
	}
	in.begin, in.end = 0, n
	return nil
}
