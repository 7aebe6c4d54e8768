//go:build !linux

package listen

import "net"

// limitUnsent does nothing: the system has the limits of its buffers.
func limitUnsent(net.Conn) {}
