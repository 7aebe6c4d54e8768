package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/wire"
)

// patience is how long a test waits for an event before it fails. The test goes on as soon as the event comes.
const patience = await.Limit

// shelf is an inbox: a store without a disk. Each meter has a window; hold delays the answers as a slow commit does.
type shelf struct {
	mu      sync.Mutex
	live    map[int64]*metering.Live
	refuse  error // error that the inbox returns
	fail    error // error that the commit reports
	held    bool
	waiting []func()
	last    chan struct{} // closed when the newest answer was given
	arrived chan struct{} // gets one entry for each call
}

func newShelf() *shelf {
	return &shelf{live: make(map[int64]*metering.Live), arrived: make(chan struct{}, 1<<16)}
}

func (s *shelf) inbox(recs []metering.Record, done func([]metering.Outcome, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	out, err := make([]metering.Outcome, len(recs)), s.fail
	for i := range recs {
		l := s.live[recs[i].Meter]
		if l == nil {
			l = &metering.Live{}
			s.live[recs[i].Meter] = l
		}
		if err == nil {
			out[i] = l.Take(&recs[i], 1).Outcome
		}
	}
	answer := func() { done(out, err) }
	if s.held {
		s.waiting = append(s.waiting, answer)
	} else {
		s.answerNext(answer)
	}
	s.arrived <- struct{}{}
	return nil
}

// answerNext gives an answer from another goroutine, after those before it, as a store does. The caller holds mu.
func (s *shelf) answerNext(answer func()) {
	before, given := s.last, make(chan struct{})
	s.last = given
	go func() {
		defer close(given)
		if before != nil {
			<-before
		}
		answer()
	}()
}

func (s *shelf) hold() {
	s.mu.Lock()
	s.held = true
	s.mu.Unlock()
}

// commit releases all delayed answers.
func (s *shelf) commit() {
	s.mu.Lock()
	s.held = false
	waiting := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	for _, answer := range waiting {
		answer()
	}
}

func (s *shelf) set(refuse, fail error) {
	s.mu.Lock()
	s.refuse, s.fail = refuse, fail
	s.mu.Unlock()
}

// await waits until n messages have reached the store.
func (s *shelf) await(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		await.Receive(t, fmt.Sprintf("message %d of %d reaches the store", i+1, n), s.arrived)
	}
}

// number returns the number of a meter that may log in; its password is "pw" and its number.
func number(i int) string { return fmt.Sprintf("0414000%04d", i) }

func auth(_ context.Context, user, password string) (registry.Identity, bool) {
	var n int
	if _, err := fmt.Sscanf(user, "0414000%04d", &n); err != nil || password != "pw"+user || number(n) != user {
		return registry.Identity{}, false
	}
	return registry.Identity{Tenant: 1, Meter: int64(n), Number: user, Simulated: true}, true
}

// start runs a gateway until the test ends.
func start(t testing.TB, c gateway.Config) *gateway.Gateway {
	t.Helper()
	if c.Listener == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c.Listener = l
	}
	if c.Auth == nil {
		c.Auth = auth
	}
	b, err := gateway.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := await.Receive(t, "the gateway has stopped", ended); err != nil {
			t.Errorf("gateway ended with %v", err)
		}
	})
	return b
}

// peer is a client under the test's control: it sends what the test says and reads packet by packet.
type peer struct {
	t       testing.TB
	conn    net.Conn
	in      *bufio.Reader
	version byte
}

func dial(t testing.TB, b *gateway.Gateway) *peer {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return peerOn(t, c)
}

func peerOn(t testing.TB, c net.Conn) *peer {
	t.Cleanup(func() { _ = c.Close() })
	return &peer{t: t, conn: c, in: bufio.NewReader(c), version: 4}
}

func dialTLS(t testing.TB, b *gateway.Gateway, conf *tls.Config) *peer {
	t.Helper()
	c, err := tls.Dial("tcp", b.Addr().String(), conf)
	if err != nil {
		t.Fatal(err)
	}
	return peerOn(t, c)
}

// write sends a packet; an error shows at the next read.
func (p *peer) write(pk packets.Packet) {
	p.t.Helper()
	pk.ProtocolVersion = p.version
	buf := new(bytes.Buffer)
	var err error
	switch pk.FixedHeader.Type {
	case packets.Connect:
		err = pk.ConnectEncode(buf)
	case packets.Publish:
		err = pk.PublishEncode(buf)
	case packets.Subscribe:
		pk.FixedHeader.Qos = 1
		err = pk.SubscribeEncode(buf)
	case packets.Puback:
		err = pk.PubackEncode(buf)
	case packets.Pingreq:
		err = pk.PingreqEncode(buf)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	_, _ = p.conn.Write(buf.Bytes())
}

// read returns the next packet, or the error that ends the connection.
func (p *peer) read() (packets.Packet, error) {
	p.t.Helper()
	return p.readWithin(patience)
}

func (p *peer) readWithin(d time.Duration) (packets.Packet, error) {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(d))
	var pk packets.Packet
	first, err := p.in.ReadByte()
	if err != nil {
		return pk, err
	}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return pk, err
	}
	n, _, err := packets.DecodeLength(p.in)
	if err != nil {
		return pk, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(p.in, body); err != nil {
		return pk, err
	}
	pk.FixedHeader.Remaining, pk.ProtocolVersion = n, p.version
	switch pk.FixedHeader.Type {
	case packets.Connack:
		err = pk.ConnackDecode(body)
	case packets.Publish:
		err = pk.PublishDecode(body)
	case packets.Puback:
		err = pk.PubackDecode(body)
	case packets.Suback:
		err = pk.SubackDecode(body)
	case packets.Disconnect:
		err = pk.DisconnectDecode(body)
	}
	return pk, err
}

// want reads the next packet and requires its type.
func (p *peer) want(kind byte) packets.Packet {
	p.t.Helper()
	pk, err := p.read()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("%s: after %v still no %s", await.NotInTime, patience, packets.PacketNames[kind])
	}
	if err != nil {
		p.t.Fatalf("got %v, want a %s", err, packets.PacketNames[kind])
	}
	if pk.FixedHeader.Type != kind {
		p.t.Fatalf("got a %s, want a %s", packets.PacketNames[pk.FixedHeader.Type], packets.PacketNames[kind])
	}
	return pk
}

// wantClosed reads until the connection ends and fails if a packet of the kind comes before.
func (p *peer) wantClosed(never byte) {
	p.t.Helper()
	for {
		pk, err := p.read()
		if err == nil && pk.FixedHeader.Type == never {
			p.t.Fatalf("got a %s, want the connection closed", packets.PacketNames[never])
		}
		if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
			p.t.Fatalf("%s: the connection stayed open, want it closed", await.NotInTime)
		}
		if err != nil {
			return
		}
	}
}

// quiet requires that no packet comes for a moment. No other check has to wait for a fixed time.
func (p *peer) quiet() {
	p.t.Helper()
	pk, err := p.readWithin(100 * time.Millisecond)
	if err == nil {
		p.t.Fatalf("got a %s, want nothing yet", packets.PacketNames[pk.FixedHeader.Type])
	}
	if ne := net.Error(nil); !errors.As(err, &ne) || !ne.Timeout() {
		p.t.Fatalf("got %v, want the connection open and quiet", err)
	}
}

func connectPacket(user string) packets.Packet {
	return packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}, Connect: packets.ConnectParams{
		ProtocolName: []byte("MQTT"), Clean: true, Keepalive: 60, ClientIdentifier: user,
		UsernameFlag: true, Username: []byte(user), PasswordFlag: true, Password: []byte("pw" + user)}}
}

// login connects as a meter.
func login(t testing.TB, b *gateway.Gateway, user string) *peer {
	t.Helper()
	p := dial(t, b)
	p.write(connectPacket(user))
	if pk := p.want(packets.Connack); pk.ReasonCode != 0 {
		t.Fatalf("meter %s was refused with %d", user, pk.ReasonCode)
	}
	return p
}

// listen subscribes to all messages for the meter.
func (p *peer) listen(user string) {
	p.t.Helper()
	p.subscribe(wire.DownFilter(user))
	if pk := p.want(packets.Suback); pk.ReasonCodes[0] != 1 {
		p.t.Fatalf("subscription of %s answered %v, want granted quality 1", user, pk.ReasonCodes)
	}
}

// hear subscribes to all messages for the meter and waits until the gateway has registered it.
func (p *peer) hear(user string) {
	p.t.Helper()
	p.listen(user)
	p.settle()
}

// settle waits until the gateway has done everything that an earlier packet asks for: also what follows after its answer.
func (p *peer) settle() {
	p.t.Helper()
	p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})
	p.want(packets.Pingresp)
}

func (p *peer) subscribe(filters ...string) {
	p.t.Helper()
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe}, PacketID: 1}
	for _, f := range filters {
		pk.Filters = append(pk.Filters, packets.Subscription{Filter: f, Qos: 1})
	}
	p.write(pk)
}

// publish sends a payload with quality 1.
func (p *peer) publish(topic string, id uint16, payload string) {
	p.t.Helper()
	p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, TopicName: topic, PacketID: id, Payload: []byte(payload)})
}

// reading is a minimal reading record.
func reading(seq int) string {
	return fmt.Sprintf(`{"seq":%d,"at":1763625600,"up":1000,"clock":"valid","register_wh":%d,"balance_wh":8120,"ec_used_wh":0,`+
		`"overrun_wh":0,"w":381,"mv":230400,"relay":"closed","reasons":[]}`, seq, 1000+seq)
}

// acked acknowledges a down/ack and returns its content.
func (p *peer) acked(pk packets.Packet) wire.Ack {
	p.t.Helper()
	if pk.FixedHeader.Qos > 0 {
		p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: pk.PacketID})
	}
	a, err := wire.DecodeAck(pk.Payload)
	if err != nil {
		p.t.Fatalf("%s carries %q: %v", pk.TopicName, pk.Payload, err)
	}
	return a
}
