package gateway_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/wire"
)

// hostileMemory is how much memory all strangers together may hold.
const hostileMemory = 64 << 20

// heapWatch samples the heap; highest returns the greatest growth so far. It collects the garbage first, because how much of that there is
// depends on when the collector last ran.
func heapWatch() (highest func() uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base, peak, stop, ended := m.HeapAlloc, uint64(0), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			runtime.GC()
			runtime.ReadMemStats(&m)
			if m.HeapAlloc > base {
				peak = max(peak, m.HeapAlloc-base)
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 { close(stop); <-ended; return peak }
}

// goodClient sends all the time while others misbehave, and requires every answer.
func goodClient(t *testing.T, b *gateway.Gateway, user string) (rounds func() int) {
	t.Helper()
	p := login(t, b, user)
	p.listen(user)
	stop, ended, n := make(chan struct{}), make(chan struct{}), 0
	go func() {
		defer close(ended)
		for n = 1; ; n++ {
			select {
			case <-stop:
				if n > 1 { // at least one round is complete, even if the attack was short
					return
				}
			default:
			}
			p.publish(wire.UpTopic(user, wire.KindReading), uint16(n%60000+1), reading(n))
			for answers := 0; answers < 2; answers++ {
				pk, err := p.read()
				if err != nil {
					t.Errorf("the well-behaved client met %v at message %d", err, n)
					return
				}
				if pk.FixedHeader.Type == packets.Publish {
					p.acked(pk)
				}
			}
		}
	}()
	return func() int { close(stop); <-ended; return n }
}

func TestHugePacketsBeforeLoginCostNothing(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Limits: gateway.Limits{Rate: 1000}})
	good := goodClient(t, b, number(1))
	peak := heapWatch()
	var all []*peer
	for range 20 {
		p := dial(t, b)
		if _, err := p.conn.Write([]byte{0x10, 0xff, 0xff, 0xff, 0x7f}); err != nil { // CONNECT of 256 MiB
			t.Fatal(err)
		}
		all = append(all, p)
	}
	for _, p := range all {
		p.wantClosed(packets.Connack)
	}
	if got := peak(); got > hostileMemory {
		t.Errorf("20 sockets made the heap grow by %d MiB, want at most %d", got>>20, hostileMemory>>20)
	}
	if good() < 2 {
		t.Error("the well-behaved client was starved")
	}
}

func TestWrongBeginningsAreClosedAtOnce(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Limits: gateway.Limits{ConnectDeadline: time.Hour}})
	for name, first := range map[string][]byte{
		"publish before connect":  {0x32, 0x05, 0, 1, 'a', 0, 1},
		"length without an end":   {0x10, 0xff, 0xff, 0xff, 0xff},
		"just above the limit":    {0x10, 0x81, 0x20}, // 4,097
		"TLS on the plain socket": {0x16, 0x03, 0x01, 0x02, 0x00},
		"HTTP":                    []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		p := dial(t, b)
		if _, err := p.conn.Write(first); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p.wantClosed(packets.Connack)
	}
	p := dial(t, b) // a length that comes byte by byte is checked as soon as it is known
	for _, c := range []byte{0x10, 0x81, 0x20} {
		if _, err := p.conn.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	p.wantClosed(packets.Connack)
}

func TestPacketAboveTheLimitClosesOnlyItsConnection(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox, Limits: gateway.Limits{Rate: 1000}})
	good := goodClient(t, b, number(1))
	user := number(2)
	p := login(t, b, user)
	p.publish(wire.UpTopic(user, wire.KindReading), 1, string(bytes.Repeat([]byte("x"), 100<<10)))
	p.wantClosed(packets.Puback)
	p = login(t, b, user)
	payload := append(bytes.Repeat([]byte(" "), wire.MaxPayload-len(reading(1))), reading(1)...)
	p.publish(wire.UpTopic(user, wire.KindReading), 2, string(payload)) // the largest allowed payload
	p.want(packets.Puback)
	if good() < 2 {
		t.Error("the well-behaved client was starved")
	}
}

func TestSilentAndSlowSocketsAreClosedInTime(t *testing.T) {
	const deadline = 1500 * time.Millisecond
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Limits: gateway.Limits{ConnectDeadline: deadline, Rate: 1000}})
	good := goodClient(t, b, number(1))
	peak := heapWatch()
	began := time.Now()
	var silent []*peer
	for range 500 {
		silent = append(silent, dial(t, b))
	}
	trickle := dial(t, b)
	go func() { // sends a CONNECT of 4,000 bytes slowly, byte by byte: the deadline covers the whole CONNECT
		for _, c := range append([]byte{0x10, 0xa0, 0x1f}, bytes.Repeat([]byte{0}, 4000)...) {
			if _, err := trickle.conn.Write([]byte{c}); err != nil {
				return
			}
			time.Sleep(deadline / 10)
		}
	}()
	for _, p := range append(silent, trickle) {
		p.wantClosed(packets.Connack)
	}
	if took := time.Since(began); took < deadline {
		t.Errorf("all of 501 sockets were closed after %s, want %s at least", took, deadline)
	}
	if got := peak(); got > hostileMemory {
		t.Errorf("501 sockets made the heap grow by %d MiB, want at most %d", got>>20, hostileMemory>>20)
	}
	if n := good(); n < 2 {
		t.Error("the well-behaved client was starved")
	}
	await.True(t, "at most the socket of the good client is counted", func() bool { return b.Stats().Sockets <= 1 })
}

// TestClientThatDoesNotReadIsClosed checks a client that sends and never reads. Its connection is closed when the
// bytes that wait for the client exceed the limit. It blocks nobody.
func TestClientThatDoesNotReadIsClosed(t *testing.T) {
	store := newShelf()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, gateway.Config{Listener: narrow{l}, Inbox: store.inbox, Limits: gateway.Limits{Rate: 1 << 20, Burst: 1 << 20, Pending: 16 << 10}})
	good := goodClient(t, b, number(1))
	user := number(2)
	p := login(t, b, user)
	if err := p.conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	_ = p.conn.SetDeadline(time.Now().Add(patience))
	for i := 0; err == nil && i < 1<<20; i++ {
		buf := new(bytes.Buffer)
		for range 200 {
			pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}}
			if err := pk.PingreqEncode(buf); err != nil {
				t.Fatal(err)
			}
		}
		_, err = p.conn.Write(buf.Bytes())
	}
	if ne := net.Error(nil); err == nil || errors.As(err, &ne) && ne.Timeout() {
		t.Fatalf("a client that never reads was served on: %v", err)
	}
	if good() < 2 {
		t.Error("the well-behaved client was held up")
	}
}

// narrow is a listener whose sockets have small send buffers. If a client does not read, its socket's buffer is soon full, and the
// bytes for the client wait in the gateway.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return c, err
}

func TestMetersAreSlowedDownAndNothingIsDropped(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox, Limits: gateway.Limits{Rate: 50, Burst: 5}})
	user := number(1)
	p := login(t, b, user)
	began := time.Now()
	for i := 1; i <= 25; i++ {
		p.publish(wire.UpTopic(user, wire.KindReading), uint16(i), reading(i))
	}
	for range 25 {
		p.want(packets.Puback)
	}
	if took, want := time.Since(began), 20*time.Second/50; took < want-50*time.Millisecond {
		t.Errorf("25 messages at 50/s with 5 ahead took %s, want at least %s", took, want)
	}
	if s := b.Stats(); s.Stored != 25 {
		t.Errorf("%d records are stored, want 25", s.Stored)
	}
}

// TestOtherPacketsAreSlowedDownToo checks that packets without a message have the same rate limit, because they also cost
// the server work. Expected acknowledgements have no limit.
func TestOtherPacketsAreSlowedDownToo(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Limits: gateway.Limits{Rate: 50, Burst: 5}})
	user := number(1)
	p := login(t, b, user)
	began := time.Now()
	for range 10 {
		p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})
		p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: 4711})
	}
	for range 10 {
		p.want(packets.Pingresp)
	}
	if took, want := time.Since(began), 14*time.Second/50; took < want-50*time.Millisecond {
		t.Errorf("20 packets at 50/s with 5 ahead took %s, want at least %s", took, want)
	}
}

// TestAcknowledgementsAreNotSlowedDown: a meter that may send one packet a second acknowledges 600 messages. The server reads all of its
// acknowledgements, because it answers the PINGREQ after them. If they counted, the answer would take ten minutes, which is longer than a peer
// waits.
func TestAcknowledgementsAreNotSlowedDown(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Limits: gateway.Limits{Rate: 1, Burst: 10}})
	user := number(1)
	p := login(t, b, user)
	p.hear(user)
	// One a second, they would take ten minutes. Where some are still on their way, the next message waits for room.
	acknowledged := 0
	await.True(t, "600 messages are acknowledged", func() bool {
		for acknowledged < 600 && b.Publish(user, wire.DownToken, []byte("{}")) {
			pk := p.want(packets.Publish)
			p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: pk.PacketID})
			acknowledged++
		}
		return acknowledged == 600
	})
	p.settle()
}

func TestMessagesInFlightAreBoundedByNotReadingFurther(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox, Limits: gateway.Limits{InFlight: 4, Rate: 1000}})
	user := number(1)
	p := login(t, b, user)
	store.hold()
	for i := 1; i <= 10; i++ {
		p.publish(wire.UpTopic(user, wire.KindReading), uint16(i), reading(i))
	}
	store.await(t, 4)
	select {
	case <-store.arrived:
		t.Error("a fifth message was read while four are not acknowledged")
	case <-time.After(100 * time.Millisecond):
	}
	store.commit()
	for range 10 {
		p.want(packets.Puback)
	}
}

// sockets is a listener that returns connections with any address, and errors.
type sockets struct {
	next   chan any
	closed chan struct{}
	once   sync.Once
}

func (s *sockets) Accept() (net.Conn, error) {
	select {
	case v := <-s.next:
		if err, ok := v.(error); ok {
			return nil, err
		}
		return v.(net.Conn), nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *sockets) Close() error   { s.once.Do(func() { close(s.closed) }); return nil }
func (s *sockets) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection that claims another address.
type from struct {
	net.Conn
	ip string
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(f.ip), Port: 1883} }

func TestSocketsAreBoundedPerAddressAndInAll(t *testing.T) {
	l := &sockets{next: make(chan any), closed: make(chan struct{})}
	b := start(t, gateway.Config{Listener: l, Inbox: newShelf().inbox, Limits: gateway.Limits{PerAddress: 2, Connections: 6, ConnectDeadline: time.Hour}})
	decided := func() int64 { s := b.Stats(); return int64(s.Sockets) + s.Refused }
	open := func(ip string) (c net.Conn, refused bool) {
		here, there := net.Pipe()
		t.Cleanup(func() { _ = here.Close() })
		before := b.Stats()
		l.next <- from{there, ip}
		await.True(t, "the socket is accepted or refused", func() bool { return decided() > int64(before.Sockets)+before.Refused })
		return here, b.Stats().Refused > before.Refused
	}
	first, _ := open("192.0.2.1")
	for _, c := range []struct {
		ip   string
		want bool
	}{
		{"192.0.2.1", false}, {"192.0.2.1", true}, {"::ffff:192.0.2.1", true}, {"192.0.2.2", false},
		{"127.0.0.1", false}, {"127.0.0.1", false}, {"::1", false}, {"::1", true},
	} {
		if _, got := open(c.ip); got != c.want {
			t.Errorf("socket of %s refused: %v, want %v", c.ip, got, c.want)
		}
	}
	l.next <- errors.New("too many open files") // one failure must not stop the listener
	_ = first.Close()
	await.True(t, "a socket is closed", func() bool { return b.Stats().Sockets < 6 })
	if _, refused := open("192.0.2.1"); refused {
		t.Error("the place of a closed socket was not given to the next one")
	}
	if s := b.Stats(); s.Refused != 3 {
		t.Errorf("%d sockets counted as refused, want 3", s.Refused)
	}
}

// TestControlPlainErrorIsStillAcknowledged shows the trap that OnPublish avoids
// (docs/reference/datapath.md#from-the-socket-to-the-row): after a plain error of the hook, mochi still acknowledges to a
// 3.1.1 client. If this test fails, mochi has changed and the gateway may be simplified.
func TestControlPlainErrorIsStillAcknowledged(t *testing.T) {
	for _, c := range []struct {
		err   error
		acked bool
	}{{errors.New("not stored"), true}, {packets.ErrRejectPacket, false}} {
		server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
		if err := server.AddHook(&failing{err: c.err}, nil); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := server.AddListener(listeners.NewNet("t", l)); err != nil {
			t.Fatal(err)
		}
		if err := server.Serve(); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		p := peerOn(t, conn)
		p.write(connectPacket("x"))
		p.want(packets.Connack)
		p.publish("m/x/up/reading", 9, "{}")
		if c.acked {
			p.want(packets.Puback)
		} else {
			p.quiet()
		}
		_ = conn.Close()
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// failing is a hook that admits everybody and refuses every message with the error err.
type failing struct {
	mqtt.HookBase
	err error
}

func (*failing) ID() string { return "failing" }
func (*failing) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck || b == mqtt.OnPublish
}
func (*failing) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (*failing) OnACLCheck(*mqtt.Client, string, bool) bool              { return true }
func (f *failing) OnPublish(_ *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	return pk, f.err
}
