package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports that FreeAddress gives lie below those that Linux gives to outgoing connections. So no connection takes such a port between this
// call and the start of the program that listens there.
const (
	lowestPort = 10_000
	ports      = 22_000
)

// FreeAddress returns a loopback address on which nothing listens.
func FreeAddress() (address string, err error) {
	for range 100 {
		l, failed := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowestPort+rand.IntN(ports)))
		if failed == nil {
			return l.Addr().String(), l.Close()
		}
		err = failed
	}
	return "", err
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
