package listen_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/listen"
)

// from is one end of a pipe, with an address.
type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(f.address)} }

// pipes is a listener without sockets.
type pipes struct {
	net.Listener
	come chan net.Conn
}

func (p pipes) Accept() (net.Conn, error) { return <-p.come, nil }

// enter brings a connection from an address.
func (p pipes) enter(l net.Listener, address string) (client net.Conn, server *listen.Conn) {
	client, far := net.Pipe()
	p.come <- from{far, address}
	c, _ := l.Accept() // it always comes
	return client, listen.Of(c)
}

// record is a message of a handshake.
func record(size int) []byte {
	return append([]byte{22, 3, 3, byte(size >> 8), byte(size)}, bytes.Repeat([]byte{1}, size)...)
}

// TestAddressesTakeTurnsWithTheirHandshakes: few handshakes are computed at a time, and a client is served before the many that came before it
// from one other address.
func TestAddressesTakeTurnsWithTheirHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := few()
		limits.Strangers, limits.Share, limits.Sum, limits.Handshakes = 100, 100, 100_000, 2
		in := pipes{come: make(chan net.Conn, 1)}
		l := listen.New("test", limits, nil, nil).Listener(in)
		var order []string
		under, most := 0, 0
		compute := make(chan struct{})
		come := func(name, address string) {
			client, server := in.enter(l, address)
			go func() { _, _ = client.Write(record(40)) }()
			go func() {
				buffer := make([]byte, 100)
				if n, err := server.Read(buffer); n == 0 || err != nil {
					t.Errorf("%s: %d bytes, %v", name, n, err)
				}
				under++
				most = max(most, under)
				order = append(order, name)
				<-compute
				under--
				_ = server.Close()
			}()
			synctest.Wait()
		}
		for n := range 20 {
			come(fmt.Sprint("many ", n), "192.0.2.1")
		}
		come("two 0", "192.0.2.2")
		come("two 1", "192.0.2.2")
		come("honest", "192.0.2.3")
		for range 23 {
			compute <- struct{}{}
			synctest.Wait()
		}
		want := []string{"many 0", "many 1", "many 2", "two 0", "honest", "many 3", "two 1", "many 4"}
		if len(order) != 23 || !slices.Equal(order[:len(want)], want) {
			t.Errorf("handshakes were computed in the order %q, want %q first", order, want)
		}
		if most != limits.Handshakes {
			t.Errorf("%d handshakes were computed at a time, want %d", most, limits.Handshakes)
		}
	})
}

// TestAddressesThatComeAndGoStandBeforeNobody: whoever comes from a new address each time is not served before an address that stays and waits.
func TestAddressesThatComeAndGoStandBeforeNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := few()
		limits.Strangers, limits.Share, limits.Sum, limits.Handshakes = 100, 100, 100_000, 1
		in := pipes{come: make(chan net.Conn, 1)}
		l := listen.New("test", limits, nil, nil).Listener(in)
		var order []string
		compute := make(chan struct{})
		come := func(name, address string) {
			client, server := in.enter(l, address)
			go func() { _, _ = client.Write(record(40)) }()
			go func() {
				_, _ = server.Read(make([]byte, 100))
				order = append(order, name)
				<-compute
				_ = server.Close()
			}()
			synctest.Wait()
		}
		come("stays", "192.0.2.1")
		come("stays and waits", "192.0.2.1")
		for n := range 20 {
			come("comes and goes", fmt.Sprintf("198.51.100.%d", n))
			compute <- struct{}{}
			synctest.Wait()
		}
		if at := slices.Index(order, "stays and waits"); at < 0 || at > 2 {
			t.Errorf("the address that stays was served as number %d of %q", at, order)
		}
		for range 2 {
			compute <- struct{}{}
			synctest.Wait()
		}
	})
}

// TestASlowStrangerKeepsNoPlace: whoever has sent half a record, or whose message the server has answered, keeps no place from others. A stranger
// that waits and is ended keeps none either.
func TestASlowStrangerKeepsNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := few()
		limits.Strangers, limits.Sum, limits.Handshakes = 100, 100_000, 1
		in := pipes{come: make(chan net.Conn, 1)}
		l := listen.New("test", limits, nil, nil).Listener(in)
		// send sends from a new client, and returns a channel that is closed when the server has read all.
		send := func(sent []byte) (net.Conn, *listen.Conn, chan struct{}) {
			client, server := in.enter(l, "192.0.2.1")
			came := make(chan struct{})
			go func() { _, _ = client.Write(sent) }()
			go func() {
				defer close(came)
				_, _ = io.ReadFull(server, make([]byte, len(sent)))
			}()
			synctest.Wait()
			return client, server, came
		}
		isRead := func(c chan struct{}) bool {
			select {
			case <-c:
				return true
			default:
				return false
			}
		}
		_, _, half := send(record(40)[:30])
		client, answered, whole := send(record(40))
		if !isRead(half) || !isRead(whole) {
			t.Fatal("half a record took a place")
		}
		_, _, waits := send(record(40))
		_, warned, behind := send(append([]byte{21, 3, 1, 0, 2, 1, 90}, record(40)...)) // the server passes over a warning
		if isRead(behind) {
			t.Error("a handshake behind a warning has a place beside another one")
		}
		_ = warned.Close()
		synctest.Wait()
		_, gone, ends := send(record(40))
		_, _, plain := send([]byte("GET / HTTP/1.1"))
		if isRead(waits) || isRead(ends) || !isRead(plain) {
			t.Fatal("a second handshake has a place, or a request without encryption has none")
		}
		_ = gone.Close()
		synctest.Wait()
		if !isRead(ends) {
			t.Fatal("a stranger waits that has ended")
		}
		go func() { _, _ = io.Copy(io.Discard, client) }()
		if _, err := answered.Write(record(40)); err != nil {
			t.Error(err)
		}
		_ = client.Close()
		synctest.Wait()
		if !isRead(waits) {
			t.Fatal("a stranger that was answered keeps its place")
		}
	})
}

// TestASecondMessageHasATurnToo: the server may first ask for another key, which costs nothing; what it computes then has its turn.
func TestASecondMessageHasATurnToo(t *testing.T) {
	conf := serverOf(t)
	turns := map[bool]int{}
	for _, retry := range []bool{false, true} {
		limits := few()
		limits.First, limits.Sum = 10_000, 10_000
		client, server := openHall(t, limits, nil).enter("127.0.0.2")
		own := conf.Clone()
		own.CurvePreferences = []tls.CurveID{tls.X25519}
		if retry {
			own.CurvePreferences = []tls.CurveID{tls.CurveP384}
		}
		c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP384}}) //nolint:gosec // it is the test's own server
		ended := make(chan error, 1)
		go func() { ended <- c.Handshake() }()
		if err := tls.Server(server, own).Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := await.Receive(t, "the client has ended its handshake", ended); err != nil {
			t.Fatal(err)
		}
		turns[retry] = listen.Of(server).Handshakes()
	}
	if turns[false] != 1 || turns[true] != 2 {
		t.Errorf("a handshake had %d turns, and with a second message %d; want 1 and 2", turns[false], turns[true])
	}
}

// serverOf returns the settings of a server with a certificate.
func serverOf(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one := &x509.Certificate{SerialNumber: big.NewInt(1)}
	cert, err := x509.CreateCertificate(rand.Reader, one, one, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}, MinVersion: tls.VersionTLS13}
}
