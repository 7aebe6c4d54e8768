package gateway_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/wire"
)

func TestNothingIsAcknowledgedBeforeTheCommit(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	p := login(t, b, user)
	p.listen(user)
	store.hold()
	for i := 1; i <= 5; i++ {
		p.publish(wire.UpTopic(user, wire.KindReading), uint16(i), reading(i))
	}
	store.await(t, 5) // all five are with the store although none is acknowledged: the reader does not wait
	p.quiet()
	p.settle()
	store.commit()
	acks, last := map[uint16]bool{}, wire.Ack{}
	for len(acks) < 5 || last.Seq < 5 {
		pk, err := p.read()
		if err != nil {
			t.Fatalf("got %v after PUBACKs %v and ack %d", err, acks, last.Seq)
		}
		switch pk.FixedHeader.Type {
		case packets.Puback:
			acks[pk.PacketID] = true
		case packets.Publish:
			last = p.acked(pk)
		}
	}
}

func TestFailedCommitClosesTheConnection(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	p := login(t, b, user)
	store.set(nil, errors.New("disk on fire"))
	p.publish(wire.UpTopic(user, wire.KindReading), 7, reading(1))
	p.wantClosed(packets.Puback)
	store.set(nil, nil)
	p = login(t, b, user)
	p.publish(wire.UpTopic(user, wire.KindReading), 7, reading(1))
	if pk := p.want(packets.Puback); pk.PacketID != 7 {
		t.Errorf("PUBACK of %d after the retry, want 7", pk.PacketID)
	}
}

// TestRefusingInboxHoldsTheMeterBack checks that a store with a full queue slows its meters down and loses no record.
// A record that the store refuses at first is stored later.
func TestRefusingInboxHoldsTheMeterBack(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	p := login(t, b, user)
	store.set(errors.New("queue is full"), nil)
	p.publish(wire.UpTopic(user, wire.KindReading), 7, reading(1))
	p.quiet()
	store.set(nil, nil)
	if pk := p.want(packets.Puback); pk.PacketID != 7 {
		t.Errorf("PUBACK of %d, want 7", pk.PacketID)
	}
}

func TestInboxThatStaysRefusingClosesTheConnection(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox, Limits: gateway.Limits{Patience: 1}})
	p := login(t, b, number(1))
	store.set(errors.New("read-only"), nil)
	p.publish(wire.UpTopic(number(1), wire.KindReading), 7, reading(1))
	p.wantClosed(packets.Puback)
}

func TestDuplicatesBeyondAndUnreadableAreAnsweredWithTheWatermark(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	p := login(t, b, user)
	p.listen(user)
	for i, c := range []struct {
		name, topic, payload string
		mark                 uint64
	}{
		{"fresh", wire.UpTopic(user, wire.KindReading), reading(1), 1},
		{"again", wire.UpTopic(user, wire.KindReading), reading(1), 1},
		{"far beyond the window", wire.UpTopic(user, wire.KindReading), reading(500), 1},
		{"no record", wire.UpTopic(user, wire.KindReading), "on fire", 1},
		{"nothing at all", wire.UpTopic(user, wire.KindReading), "", 1},
		{"no such kind", "m/" + user + "/up/poem", reading(2), 1},
		{"bad with a number", wire.UpTopic(user, wire.KindReading), `{"seq":2,"at":"noon"}`, 2},
		{"bad without a number", wire.UpTopic(user, wire.KindReading), `{"at":"noon"}`, 2},
		{"list", wire.UpTopic(user, wire.KindReading), "[" + reading(3) + "," + reading(4) + "]", 4},
		{"event of an unknown code", wire.UpTopic(user, wire.KindEvent), `{"seq":5,"at":1763625600,"up":1,"clock":"valid","code":4711,"args":{"x":1}}`, 5},
	} {
		p.publish(c.topic, uint16(10+i), c.payload)
		if pk := p.want(packets.Puback); pk.PacketID != uint16(10+i) {
			t.Fatalf("%s: PUBACK of %d, want %d", c.name, pk.PacketID, 10+i)
		}
		pk := p.want(packets.Publish)
		if a := p.acked(pk); a.Seq != c.mark || pk.TopicName != wire.DownTopic(user, wire.DownAck) || pk.FixedHeader.Qos != 1 {
			t.Fatalf("%s: %s says %d with quality %d, want %d with quality 1", c.name, pk.TopicName, a.Seq, pk.FixedHeader.Qos, c.mark)
		}
	}
	if s := b.Stats(); s.Stored != 4 || s.Duplicate != 1 || s.Beyond != 1 || s.Quarantined != 1 || s.Dropped != 4 {
		t.Errorf("counted %+v, want 4 stored, 1 duplicate, 1 beyond, 1 quarantined, 4 dropped", s)
	}
}

func TestAcknowledgementsReplaceEachOtherWhileOneIsUnderWay(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	p := login(t, b, user)
	p.listen(user)
	p.publish(wire.UpTopic(user, wire.KindReading), 1, reading(1))
	p.want(packets.Puback)
	first := p.want(packets.Publish)
	for i := 2; i <= 40; i++ {
		p.publish(wire.UpTopic(user, wire.KindReading), uint16(i), reading(i))
		p.want(packets.Puback)
	}
	p.quiet()
	if a := p.acked(first); a.Seq != 1 {
		t.Errorf("first ack says %d, want 1", a.Seq)
	}
	if a := p.acked(p.want(packets.Publish)); a.Seq != 40 {
		t.Errorf("next ack says %d, want 40: those between are not worth sending", a.Seq)
	}
	p.quiet()
}

func TestAcknowledgementWaitsForTheSubscription(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	p := login(t, b, user)
	p.publish(wire.UpTopic(user, wire.KindReading), 1, reading(1))
	p.want(packets.Puback)
	p.quiet()
	p.listen(user)
	if a := p.acked(p.want(packets.Publish)); a.Seq != 1 {
		t.Errorf("ack says %d, want 1", a.Seq)
	}
}

func TestMessagesReachTheConnectionThatListens(t *testing.T) {
	store := newShelf()
	woken := make(chan registry.Identity, 4)
	b := start(t, gateway.Config{Inbox: store.inbox, OnConnected: func(who registry.Identity) { woken <- who }})
	user := number(1)
	if b.Connected(user) || b.Publish(user, wire.DownToken, []byte("{}")) {
		t.Fatal("a meter without a connection took a message")
	}
	p := login(t, b, user)
	p.settle()
	if !b.Connected(user) {
		t.Error("the meter is not connected")
	}
	if b.Publish(user, wire.DownToken, []byte("{}")) {
		t.Error("a meter that listens to nothing took a message")
	}
	p.subscribe(wire.DownTopic(user, wire.DownToken))
	p.want(packets.Suback)
	if who := await.Receive(t, "the meter wakes its work", woken); who.Number != user || who.Meter != 1 {
		t.Errorf("woken for %+v, want meter %s", who, user)
	}
	if b.Publish(user, wire.DownCommand, []byte("{}")) {
		t.Error("a meter that listens to tokens only took a command")
	}
	if !b.Publish(user, wire.DownToken, []byte(`{"request":"r"}`)) {
		t.Fatal("the meter did not take a token")
	}
	if pk := p.want(packets.Publish); string(pk.Payload) != `{"request":"r"}` || pk.FixedHeader.Qos != 1 || pk.TopicName != wire.DownTopic(user, wire.DownToken) {
		t.Errorf("got %s %q with quality %d", pk.TopicName, pk.Payload, pk.FixedHeader.Qos)
	}
}

func TestMessagesToAMeterAreBoundedUntilItAcknowledges(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Limits: gateway.Limits{InFlight: 3}})
	user := number(1)
	p := login(t, b, user)
	p.hear(user)
	for i := range 3 {
		if !b.Publish(user, wire.DownToken, []byte("{}")) {
			t.Fatalf("message %d was not taken", i)
		}
	}
	if b.Publish(user, wire.DownToken, []byte("{}")) {
		t.Error("a fourth message was taken while three are not acknowledged")
	}
	seen := map[uint16]bool{}
	for range 3 {
		pk := p.want(packets.Publish)
		if seen[pk.PacketID] || pk.PacketID == 0 {
			t.Errorf("packet number %d again", pk.PacketID)
		}
		seen[pk.PacketID] = true
		p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: pk.PacketID})
	}
	p.settle()
	if !b.Publish(user, wire.DownToken, []byte("{}")) {
		t.Error("no message was taken after all were acknowledged")
	}
}

// TestSamePacketNumberBothWays: the client and the gateway number their packets independently. mochi 2.7.9 forgets its own
// message when the client uses the same number. The gateway must still count its message as in flight and accept the answer
// to it.
func TestSamePacketNumberBothWays(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox, Limits: gateway.Limits{InFlight: 1}})
	user := number(1)
	p := login(t, b, user)
	p.subscribe(wire.DownTopic(user, wire.DownToken))
	p.want(packets.Suback)
	p.settle()
	b.Publish(user, wire.DownToken, []byte("{}"))
	ours := p.want(packets.Publish).PacketID
	p.publish(wire.UpTopic(user, wire.KindReading), ours, reading(1))
	if pk := p.want(packets.Puback); pk.PacketID != ours {
		t.Errorf("PUBACK of %d, want %d", pk.PacketID, ours)
	}
	if b.Publish(user, wire.DownToken, []byte("{}")) {
		t.Error("the message under way was forgotten when the meter used its number")
	}
}

func TestMeterIsAnsweredInTheFormatItWrites(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	p := login(t, b, user)
	p.listen(user)
	payload, err := wire.EncodeUp(wire.CBOR, wire.Event{Head: wire.Head{Seq: 1, At: 1763625600, Clock: wire.ClockValid}, Code: 101}.Record())
	if err != nil {
		t.Fatal(err)
	}
	p.publish(wire.UpTopic(user, wire.KindEvent), 1, string(payload))
	p.want(packets.Puback)
	pk := p.want(packets.Publish)
	if a := p.acked(pk); a.Seq != 1 || pk.Payload[0] < 0x80 {
		t.Errorf("ack %d begins with %#x, want 1 in CBOR", a.Seq, pk.Payload[0])
	}
	if b.Format(user) != wire.CBOR {
		t.Error("the format of the connection is not CBOR")
	}
}

func TestNewConnectionTakesTheMeterOver(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	old := login(t, b, user)
	old.listen(user)
	p := login(t, b, user)
	p.hear(user)
	old.wantClosed(packets.Publish)
	if !b.Publish(user, wire.DownToken, []byte("{}")) {
		t.Fatal("the new connection took no message")
	}
	p.want(packets.Publish)
	if s := b.Stats(); s.Meters != 1 {
		t.Errorf("%d meters are connected, want 1", s.Meters)
	}
}

// TestResumedSessionListensAgain: a subscription that was answered is there in the next connection, however soon it follows. A
// thousand meters reconnect, because the moment between the answer and the subscription was short.
func TestResumedSessionListensAgain(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	for i := range 1000 {
		user := number(i)
		connect := connectPacket(user)
		connect.Connect.Clean = false
		p := dial(t, b)
		p.write(connect)
		p.want(packets.Connack)
		p.listen(user)
		_ = p.conn.Close()
		p = dial(t, b)
		p.write(connect)
		if pk := p.want(packets.Connack); !pk.SessionPresent {
			t.Fatal("the session was forgotten")
		}
		p.settle()
		if !b.Publish(user, wire.DownToken, []byte("{}")) {
			t.Fatalf("the resumed session of meter %d took no message", i)
		}
		_ = p.conn.Close()
	}
}

func TestStoppingClosesEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	store := newShelf()
	// Sockets that are silent for an hour do not hold it up.
	b, err := gateway.New(gateway.Config{Listener: l, Auth: auth, Inbox: store.inbox, Limits: gateway.Limits{ConnectDeadline: time.Hour, KeepAlive: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	var meters, strangers []*peer
	for i := range 20 {
		p, connect := dial(t, b), connectPacket(number(i))
		connect.Connect.Keepalive = 0
		p.write(connect)
		p.want(packets.Connack)
		meters = append(meters, p)
		strangers = append(strangers, dial(t, b))
	}
	store.hold()
	meters[0].publish(wire.UpTopic(number(0), wire.KindReading), 1, reading(1))
	store.await(t, 1)
	stop()
	if err := await.Receive(t, "the gateway has stopped", ended); err != nil {
		t.Errorf("gateway ended with %v", err)
	}
	for _, p := range append(meters, strangers...) {
		p.wantClosed(packets.Puback)
	}
	store.commit() // the store answers late; the connection has gone
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines are left, want the %d from before", n, before)
	}
	if s := b.Stats(); s.Sockets != 0 || s.Meters != 0 {
		t.Errorf("%d sockets and %d meters are left, want none", s.Sockets, s.Meters)
	}
}
