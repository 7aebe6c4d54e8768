package gateway_test

import (
	"encoding/hex"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/wire"
)

// sends writes bytes as they are.
func (p *peer) sends(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// gets reads as many bytes as are expected, and compares them.
func (p *peer) gets(name, want string) {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, hex.DecodedLen(len(strings.ReplaceAll(want, " ", ""))))
	n, err := io.ReadFull(p.in, got)
	if hex.EncodeToString(got[:n]) != strings.ReplaceAll(want, " ", "") {
		p.t.Errorf("%s: answered %x (%v), want %s", name, got[:n], err, want)
	}
}

// short is a packet whose length is one byte.
func short(first byte, parts ...any) []byte {
	var body []byte
	for _, part := range parts {
		switch x := part.(type) {
		case string:
			body = append(body, fields([]string{x})...)
		case int:
			body = append(body, byte(x))
		case []byte:
			body = append(body, x...)
		}
	}
	return append([]byte{first, byte(len(body))}, body...)
}

// connect is the CONNECT of meter 1 at a level of the protocol, with flags for a clean session and, for MQTT 5, properties.
func connect(level byte, clean bool, properties ...byte) []byte {
	user, flags := number(1), 0xc0
	if clean {
		flags |= 2
	}
	var more []byte
	if level == 5 {
		more = append([]byte{byte(len(properties))}, properties...)
	}
	return short(0x10, "MQTT", int(level), flags, 0, 60, more, user, user, "pw"+user)
}

// TestWhatEndsAConnection: packets that no meter may send, with the answer that the version of the protocol has for them.
func TestWhatEndsAConnection(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	own := "m/" + number(1) + "/"
	for name, c := range map[string]struct {
		old, five []byte
		reason    string // of the DISCONNECT of MQTT 5
	}{
		"MQTT-3.1.0-2 a second CONNECT":            {connect(4, true), connect(5, true), "82"},
		"MQTT-4.12.0-7 AUTH without a method":      {nil, []byte{0xf0, 0}, "82"},
		"a reserved type of packet":                {[]byte{0x00, 0}, []byte{0x00, 0}, "82"},
		"a packet of servers":                      {[]byte{0xd0, 0}, []byte{0xd0, 0}, "82"},
		"MQTT-2.1.3-1 reserved flags":              {short(0x80, 0, 1, own+"down/#", 1), short(0x80, 0, 1, 0, own+"down/#", 1), "81"},
		"MQTT-3.2.2-11 QoS 2":                      {short(0x34, own+"up/event", 0, 1), short(0x34, own+"up/event", 0, 1, 0), "9b"},
		"MQTT-3.2.2-14 retained":                   {short(0x31, own+"up/event"), short(0x31, own+"up/event", 0), "9a"},
		"MQTT-3.3.2-9 a topic alias":               {nil, short(0x30, own+"up/event", 3, 0x23, 0, 1), "94"},
		"§3.2.2.3.12 a subscription identifier":    {nil, short(0x82, 0, 1, 2, 0x0b, 1, own+"down/#", 1), "a1"},
		"MQTT-3.8.3-2 no filter":                   {short(0x82, 0, 1), short(0x82, 0, 1, 0), "82"},
		"MQTT-3.8.3-5 reserved bits of options":    {short(0x82, 0, 1, own+"down/#", 4), short(0x82, 0, 1, 0, own+"down/#", 0x41), "81"},
		"§3.8.3.1 options with QoS 3":              {short(0x82, 0, 1, own+"down/#", 3), short(0x82, 0, 1, 0, own+"down/#", 3), "82"},
		"MQTT-4.7.1-1 a wildcard inside a level":   {short(0x82, 0, 1, "a#", 1), short(0x82, 0, 1, 0, "a#", 1), "8f"},
		"MQTT-3.3.2-2 a wildcard in a topic":       {short(0x30, own+"up/+"), short(0x30, own+"up/+", 0), "90"},
		"MQTT-1.5.4-1 a topic that is not UTF-8":   {short(0x30, own+"up/\xff"), short(0x30, own+"up/\xff", 0), "81"},
		"a length of five bytes":                   {[]byte{0x30, 0xff, 0xff, 0xff, 0xff}, []byte{0x30, 0xff, 0xff, 0xff, 0xff}, "81"},
		"more than the announced size":             {[]byte{0x30, 0xff, 0xff, 0x7f}, []byte{0x30, 0xff, 0xff, 0x7f}, "95"},
		"§3.14.2.2.2 a life for a session of none": {nil, short(0xe0, 0, 5, 0x11, 0, 0, 0, 9), "82"},
		"MQTT-3.14.1-1 a DISCONNECT with flags":    {[]byte{0xe1, 0}, []byte{0xe1, 0}, "81"},
		"§3.12 a PINGREQ with a body":              {[]byte{0xc0, 1, 0}, []byte{0xc0, 1, 0}, "81"},
	} {
		if c.old != nil {
			p := login(t, b, number(1))
			p.sends(c.old)
			if got := p.all(); len(got) > 0 {
				t.Errorf("%s: MQTT 3.1.1 answered %x, want the connection closed", name, got)
			}
		}
		p, _ := login5(t, b, number(1))
		p.sends(c.five)
		if got := hex.EncodeToString(p.all()); got != "e002"+c.reason+"00" {
			t.Errorf("%s: MQTT 5 answered %s, want a DISCONNECT with %s", name, got, c.reason)
		}
	}
}

// TestWhatGetsAnAnswer: packets of a meter whose connection goes on.
func TestWhatGetsAnAnswer(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	own := "m/" + number(1) + "/"
	for name, c := range map[string]struct {
		old     []byte
		answer  string
		five    []byte
		answer5 string
	}{
		"MQTT-3.12.4-1 PINGREQ":                  {[]byte{0xc0, 0}, "d000", []byte{0xc0, 0}, "d000"},
		"MQTT-3.8.4-6 each filter has a code":    {short(0x82, 0, 7, own+"down/#", 2, "x", 1), "9004 0007 01 80", short(0x82, 0, 7, 0, own+"down/#", 2, "x", 1), "9005 0007 00 01 87"},
		"§4.8.2 a shared subscription":           {short(0x82, 0, 7, "$share/g/x", 1), "9003 0007 80", short(0x82, 0, 7, 0, "$share/g/x", 1), "9004 0007 00 9e"},
		"MQTT-3.10.4-4 UNSUBSCRIBE of no filter": {short(0xa2, 0, 8, "x"), "b002 0008", short(0xa2, 0, 8, 0, "x"), "b004 0008 00 11"},
		"MQTT-4.3.3-11 PUBREL of no message":     {[]byte{0x62, 2, 0, 9}, "7002 0009", []byte{0x62, 2, 0, 9}, "7003 0009 92"},
		"MQTT-4.3.3-4 PUBREC of no message":      {[]byte{0x50, 2, 0, 9}, "6202 0009", []byte{0x50, 2, 0, 9}, "6203 0009 92"},
		"a message for another meter":            {nil, "", short(0x32, "m/x/up/event", 0, 9, 0), "4003 0009 87"},
	} {
		if c.old != nil {
			p := login(t, b, number(1))
			p.sends(c.old)
			p.gets(name, c.answer)
			p.sends([]byte{0xc0, 0})
			p.gets(name+": still there", "d000")
		}
		p, _ := login5(t, b, number(1))
		p.sends(c.five)
		p.gets(name+" (5)", c.answer5)
		p.sends([]byte{0xc0, 0})
		p.gets(name+" (5): still there", "d000")
	}
}

// TestFiltersOverlapAndEnd: overlapping filters give one message, with the highest QoS. A filter that is sent again replaces the first,
// and without filters nothing is sent. Messages keep their order, and a message to a meter is never marked as a repetition.
func TestFiltersOverlapAndEnd(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	own := "m/" + number(1) + "/down/"
	p := login(t, b, number(1))
	got := func(name string, qos byte) {
		t.Helper()
		for _, payload := range []string{"1", "2"} {
			if !b.Publish(number(1), wire.DownToken, []byte(payload)) {
				t.Fatalf("%s: the message was not taken", name)
			}
		}
		for _, payload := range []string{"1", "2"} {
			m := p.want(packets.Publish)
			if m.FixedHeader.Qos != qos || m.FixedHeader.Dup || m.FixedHeader.Retain || string(m.Payload) != payload {
				t.Errorf("%s: got %q with %+v, want %q with QoS %d", name, m.Payload, m.FixedHeader, payload, qos)
			}
		}
	}
	p.sends(short(0x82, 0, 1, own+"#", 0, own+"+", 1))
	p.gets("two filters", "9004 0001 00 01")
	p.settle()
	got("two filters", 1)
	p.sends(short(0x82, 0, 2, own+"+", 0))
	p.gets("the second again", "9003 0002 00")
	p.settle()
	got("the second again", 0)
	p.sends(short(0xa2, 0, 3, own+"+", own+"#"))
	p.gets("both end", "b002 0003")
	p.settle()
	if b.Publish(number(1), wire.DownToken, []byte("3")) {
		t.Error("a message was taken without a filter")
	}
}

// TestASessionOutlivesItsConnection: the subscriptions are there again if the meter asked for that, and only then (MQTT-3.1.2-4 to
// MQTT-3.1.2-6, MQTT-3.2.2-2).
func TestASessionOutlivesItsConnection(t *testing.T) {
	for name, c := range map[string]struct {
		first, second []byte
		between       []byte // sent before the first connection ends
		present       bool
	}{
		"3.1.1, not clean":       {connect(4, false), connect(4, false), []byte{0xe0, 0}, true},
		"3.1.1, first clean":     {connect(4, true), connect(4, false), []byte{0xe0, 0}, false},
		"3.1.1, then clean":      {connect(4, false), connect(4, true), []byte{0xe0, 0}, false},
		"5, with a life":         {connect(5, false, 0x11, 0, 0, 0, 60), connect(5, false), []byte{0xe0, 0}, true},
		"5, without a life":      {connect(5, false), connect(5, false), []byte{0xe0, 0}, false},
		"5, life ends with it":   {connect(5, false, 0x11, 0, 0, 0, 60), connect(5, false), short(0xe0, 0, 5, 0x11, 0, 0, 0, 0), false},
		"5, taken over":          {connect(5, false, 0x11, 0, 0, 0, 60), connect(5, false), nil, true},
		"5, then a clean start":  {connect(5, false, 0x11, 0, 0, 0, 60), connect(5, true), nil, false},
		"3.1.1, broken off":      {connect(4, false), connect(4, false), []byte{0x00}, true},
		"3.1.1, then version 5":  {connect(4, false), connect(5, false), []byte{0xe0, 0}, true},
		"5, then version 3.1.1":  {connect(5, false, 0x11, 0, 0, 0, 60), connect(4, false), []byte{0xe0, 0}, true},
		"never subscribed is ok": {connect(4, true), connect(4, true), nil, false},
	} {
		b := start(t, gateway.Config{Inbox: newShelf().inbox})
		p := dial(t, b)
		p.version = c.first[8]
		p.sends(c.first)
		if p.want(packets.Connack).SessionPresent {
			t.Errorf("%s: the first connection has a session", name)
		}
		p.listen(number(1))
		if c.between != nil {
			p.sends(c.between)
			_ = p.all()
			gone(t, b)
		}
		again := dial(t, b)
		again.version = c.second[8]
		again.sends(c.second)
		if got := again.want(packets.Connack).SessionPresent; got != c.present {
			t.Errorf("%s: session present %v, want %v", name, got, c.present)
		}
		again.settle()
		if b.Publish(number(1), wire.DownToken, []byte(`{}`)) != c.present {
			t.Errorf("%s: a message was taken: %v, want %v", name, !c.present, c.present)
		}
		if c.between == nil && c.first[8] == 5 {
			p.gets(name+": the first connection", "e0028e00") // MQTT-3.1.4-3
		}
	}
}

// gone waits until no meter is connected.
func gone(t *testing.T, b *gateway.Gateway) {
	t.Helper()
	await.True(t, "the meter has gone", func() bool { return b.Stats().Meters == 0 })
}

// TestASessionHasAnEnd: after its time nothing is left of it.
func TestASessionHasAnEnd(t *testing.T) {
	var later atomic.Int64
	now := func() time.Time { return time.Unix(1_800_000_000+later.Load(), 0) }
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Now: now})
	p := dial(t, b)
	p.version = 5
	p.sends(connect(5, false, 0x11, 0, 0, 0, 60))
	p.want(packets.Connack)
	p.listen(number(1))
	p.sends([]byte{0xe0, 0})
	_ = p.all()
	gone(t, b)
	later.Store(61)
	p = dial(t, b)
	p.version = 5
	p.sends(connect(5, false))
	if p.want(packets.Connack).SessionPresent {
		t.Error("a session of 60 s is there after 61 s")
	}
}

// TestASilentMeterIsCutOff: after one and a half times its keep-alive (MQTT-3.1.2-22). The server's longest keep-alive counts if the
// meter asked for none or for a longer one. Otherwise the meter's own counts (MQTT-3.2.2-22).
func TestASilentMeterIsCutOff(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Limits: gateway.Limits{KeepAlive: time.Second}})
	began := time.Now()
	p, ack := login5(t, b, number(1))
	if ack.Properties.ServerKeepAlive != 1 {
		t.Errorf("announced a keep-alive of %d s, want 1", ack.Properties.ServerKeepAlive)
	}
	own, asks := dial(t, start(t, gateway.Config{Inbox: newShelf().inbox})), connect(5, true)
	own.version, asks[11] = 5, 1
	own.sends(asks)
	if ack := own.want(packets.Connack); ack.Properties.ServerKeepAliveFlag {
		t.Errorf("announced a keep-alive of %d s to a meter that asked for 1 s", ack.Properties.ServerKeepAlive)
	}
	p.gets("a silent meter", "e0028d00")
	if d := time.Since(began); d < 1400*time.Millisecond {
		t.Errorf("cut off after %v, want 1.5 s", d)
	}
	own.gets("a silent meter with its own keep-alive", "e0028d00")
	if d := time.Since(began); d < 1400*time.Millisecond {
		t.Errorf("cut off after %v, want 1.5 s", d)
	}
}

// TestASlowPacketIsWaitedFor: a meter that stops in the middle of a packet has the time of its keep-alive, and a meter that was silent
// for a while goes on.
func TestASlowPacketIsWaitedFor(t *testing.T) {
	tier.Slow(t)
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	p := login(t, b, number(1))
	p.sends([]byte{0xc0})
	time.Sleep(1300 * time.Millisecond) // longer than a busy connection is waited for
	p.sends([]byte{0})
	p.gets("the end of a packet", "d000")
	time.Sleep(1300 * time.Millisecond)
	p.sends([]byte{0xc0, 0, 0xc0})
	p.gets("after a silence", "d000")
	p.sends([]byte{0})
	p.gets("and again", "d000")
}

// TestAMetersOwnLimits: the server sends no more messages and no larger ones than the meter takes (MQTT-3.3.4-9, MQTT-3.1.2-24). Other
// packets are still answered (MQTT-3.3.4-10). A meter that takes topic aliases gets none.
func TestAMetersOwnLimits(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	p := dial(t, b)
	p.version = 5
	p.sends(connect(5, true, 0x21, 0, 1, 0x27, 0, 0, 0, 60, 0x22, 0, 5))
	p.want(packets.Connack)
	p.hear(number(1))
	for _, c := range []struct {
		payload string
		taken   bool
	}{{strings.Repeat(" ", 60), false}, {"{}", true}, {"{}", false}} {
		if got := b.Publish(number(1), wire.DownToken, []byte(c.payload)); got != c.taken {
			t.Errorf("a message of %d bytes was taken: %v, want %v", len(c.payload), got, c.taken)
		}
	}
	m := p.want(packets.Publish)
	if m.TopicName != wire.DownTopic(number(1), wire.DownToken) || m.Properties.TopicAliasFlag {
		t.Errorf("got the topic %q with alias %d", m.TopicName, m.Properties.TopicAlias)
	}
	p.settle() // a PINGREQ is answered while the message waits for its answer
	p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: m.PacketID})
	p.settle()
	if !b.Publish(number(1), wire.DownToken, []byte("{}")) {
		t.Error("after the answer the next message was not taken")
	}
}

// TestAPacketInSmallPieces: bytes come as the network likes, one at a time or many packets at once.
func TestAPacketInSmallPieces(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	p := dial(t, b)
	all := append(connect(4, true), short(0x82, 0, 1, "m/"+number(1)+"/down/#", 1)...)
	all = append(all, short(0x32, "m/"+number(1)+"/up/reading", 0, 7, []byte(`{"seq":1}`))...)
	for i := range all {
		p.sends(all[i : i+1])
	}
	p.gets("CONNACK, SUBACK, PUBACK", "20020000 9003000101 4002 0007")
	whole := dial(t, b)
	whole.sends(append(all, 0xc0, 0))
	whole.gets("CONNACK, SUBACK", "20020000 9003000101")
}
