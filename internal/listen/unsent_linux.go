package listen

import (
	"net"

	"golang.org/x/sys/unix"
)

// limitUnsent limits what the system takes for a client before it can send it. Otherwise it would take up to 4 MB for each client that reads
// nothing, and the server would compute them.
func limitUnsent(c net.Conn) {
	socket, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return // it has ended
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent) // a kernel without it has the limits of its buffers
	})
}
