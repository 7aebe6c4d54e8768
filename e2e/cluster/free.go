package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// The ports that FreeAddress gives lie below those that Linux gives to outgoing connections. So no connection takes such a port between this
// call and the start of the program that listens there.
const (
	lowestPort = 10_000
	ports      = 22_000
)

// given are the ports that this process has given away. A program may use its port again later, when nothing listens there.
var given = struct {
	sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// FreeAddress returns a loopback address on which nothing listens. It returns no address twice.
func FreeAddress() (address string, err error) {
	given.Lock()
	defer given.Unlock()
	for range 1000 {
		port := lowestPort + rand.IntN(ports)
		if given.ports[port] {
			continue
		}
		l, failed := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if failed == nil {
			given.ports[port] = true
			return l.Addr().String(), l.Close()
		}
		err = failed
	}
	return "", fmt.Errorf("no port is free: %w", err)
}

// free is FreeAddress in a test.
func free(t testing.TB) string {
	t.Helper()
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
