package gateway_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/wire"
)

// most is the property of MQTT 5 with which a client says how large the packets are that it takes.
func most(size int) []byte { return binary.BigEndian.AppendUint32([]byte{0x27}, uint32(size)) }

// TestAClientThatTakesOnlySmallPackets: no packet is larger than the client takes (MQTT-3.1.2-24). A meter that could not take the CONNACK
// with the limits is refused in 5 bytes, and one that does not take these either is closed in silence.
func TestAClientThatTakesOnlySmallPackets(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	good := fmt.Sprintf("20130000 10 2401 2500 2900 2a00 21%04x 27%08x", b.Limits().InFlight, b.Limits().PacketSize)
	longer := strings.Replace(good, "20130000 10", "201b0000 18", 1) + "130258 1100093a80"
	badPassword := func(size int) []byte {
		return short(0x10, "MQTT", 5, 0xc2, 0, 60, 5, most(size), user, user, "x")
	}
	malformed := func(size int) []byte {
		return short(0x10, "MQTT", 5, 0xc2, 0, 60, 5, most(size), user, user, "pw"+user, 0)
	}
	long := func(size int) []byte { // without a keep-alive, and with a life that is too long
		c := connect(5, true, append([]byte{0x11, 0xff, 0xff, 0xff, 0xff}, most(size)...)...)
		c[11] = 0
		return c
	}
	for name, c := range map[string]struct {
		packet []byte
		want   string
	}{
		"CONNACK of 21 bytes":           {connect(5, true, most(21)...), good},
		"CONNACK of 21 bytes into 20":   {connect(5, true, most(20)...), "20030083 00"},
		"CONNACK of 29 bytes":           {long(29), longer},
		"CONNACK of 29 bytes into 28":   {long(28), "20030083 00"},
		"refusal of 5 bytes":            {connect(5, true, most(5)...), "20030083 00"},
		"refusal of 5 bytes into 4":     {connect(5, true, most(4)...), ""},
		"wrong password":                {badPassword(5), "20030087 00"},
		"wrong password into 4":         {badPassword(4), ""},
		"malformed CONNECT":             {malformed(5), "20030081 00"},
		"malformed CONNECT into 4":      {malformed(4), ""},
		"one byte":                      {connect(5, true, most(1)...), ""},
		"zero is a fault in the packet": {connect(5, true, most(0)...), "20030082 00"},
	} {
		p := dial(t, b)
		p.sends(append(c.packet, 0xe0, 0))
		if got := hex.EncodeToString(p.all()); got != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s: answered %s, want %s", name, got, c.want)
		}
	}
	p := dial(t, b)
	p.sends(connect(5, true, most(21)...))
	p.gets("CONNACK", good)
	many := func(first byte, options ...any) []byte { // one filter more than an answer of 21 bytes has codes for
		parts := []any{0, 3, 0}
		for range 17 {
			parts = append(append(parts, "x"), options...)
		}
		return short(first, parts...)
	}
	p.sends(many(0x82, 0))
	p.sends(many(0xa2))
	p.sends([]byte{0xc0, 0})
	p.gets("PINGRESP, without a SUBACK and an UNSUBACK of 22 bytes", "d000")
	p.sends(short(0x82, 0, 1, 0, wire.DownFilter(user), 1))
	p.gets("SUBACK", "9004 0001 00 01")
	p.sends(short(0x32, "m/x/up/event", 0, 9, 0))
	p.gets("PUBACK with a reason", "4003 0009 87")
	p.sends([]byte{0x62, 2, 0, 9, 0x50, 2, 0, 9})
	p.gets("PUBCOMP, PUBREL", "7003 0009 92 6203 0009 92")
	p.sends(short(0x32, wire.UpTopic(user, wire.KindReading), 0, 7, 0, []byte(`{"seq":1}`)))
	p.gets("PUBACK of a record, without the down/ack of 39 bytes or more", "4002 0007")
	if b.Publish(user, wire.DownToken, []byte("1")) {
		t.Error("a message of more than 21 bytes was taken")
	}
	p.sends([]byte{0x00, 0})
	p.gets("DISCONNECT", "e0028200")
}

// TestAProgramThatTakesOnlySmallPackets: the same for programs, which have mochi's answers. A program must take packets of 64 bytes, and one
// with less than 128 gets no reason strings. A message that is too large is not sent, and takes no topic alias with it.
func TestAProgramThatTakesOnlySmallPackets(t *testing.T) {
	g, address := integrationBroker(t, gateway.Limits{}, nil)
	user := mirror.Login{ID: id.ID{1}}.User()
	hello := func(size int, user string, more ...byte) []byte {
		return short(0x10, "MQTT", 5, 0xc2, 0, 60, 5, most(size), "program", user, "pw", more)
	}
	accepted := "200f0000 0c 210100 2401 2700001000 2a00"
	reason := "1f0018" + hex.EncodeToString([]byte("bad username or password"))
	for name, c := range map[string]struct {
		packet []byte
		want   string
	}{
		"CONNECT for 64 bytes, then a DISCONNECT":    {append(hello(64, user), 0x82, 2, 0, 1), accepted + "e0028100"},
		"CONNECT for 63 bytes":                       {hello(63, user), "20030083 00"},
		"CONNECT for 5 bytes":                        {hello(5, user), "20030083 00"},
		"CONNECT for 4 bytes":                        {hello(4, user), ""},
		"wrong name for 127 bytes, without a reason": {hello(127, "x"), "20060086 03 210100"},
		"wrong name for 128 bytes, with a reason":    {hello(128, "x"), "20210086 1e" + reason + "210100"},
		"a byte too many for 5 bytes":                {hello(5, user, 0), "20030081 00"},
		"a byte too many for 4 bytes":                {hello(4, user, 0), ""},
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		p := peerOn(t, conn)
		p.sends(append(c.packet, 0xe0, 0))
		if got := hex.EncodeToString(p.all()); got != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s: answered %s, want %s", name, got, c.want)
		}
	}
	put := func(messages ...mirror.Message) {
		if err := g.Put(number(1), id.ID{}, messages); err != nil {
			t.Fatal(err)
		}
	}
	put()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p, topic := peerOn(t, conn), "paywatt/"+number(1)+"/state"
	p.sends(short(0x10, "MQTT", 5, 0xc2, 0, 60, 8, most(100), 0x22, 0, 9, "program", user, "pw")) // it takes 9 topic aliases
	p.gets("CONNACK", accepted)
	p.sends(short(0x82, 0, 1, 0, topic, 0))
	p.gets("SUBACK", "9004 0001 00 00")
	put(mirror.Message{Topic: topic, Payload: []byte(strings.Repeat("x", 90))})
	put(mirror.Message{Topic: topic, Payload: []byte("ON")})
	p.gets("the second message, with its topic", hex.EncodeToString(short(0x30, topic, 0, []byte("ON"))))
}
