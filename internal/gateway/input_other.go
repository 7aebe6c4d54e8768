//go:build !unix

package gateway

import (
	"errors"
	"net"
	"syscall"
)

// rawOf returns nil: on this system a buffer is needed to wait for bytes.
func rawOf(net.Conn) syscall.RawConn { return nil }

// fillRaw is never called, because rawOf returns nil.
func (in *input) fillRaw() error { return errors.ErrUnsupported }
