package await

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports of [ChooseAddress] lie below those that Linux gives to outgoing connections and to listeners that ask for any port. So nobody takes
// such a port between this call and the start of the program that listens there, or while that program starts again.
const (
	lowestPort = 10_000
	ports      = 22_000
)

// ChooseAddress returns a loopback address on which nothing listens.
func ChooseAddress() (address string, err error) {
	for range 100 {
		l, failed := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowestPort+rand.IntN(ports)))
		if failed == nil {
			return l.Addr().String(), l.Close()
		}
		err = failed
	}
	return "", err
}

// FreeAddress is [ChooseAddress] in a test.
func FreeAddress(t testing.TB) string {
	t.Helper()
	address, err := ChooseAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
