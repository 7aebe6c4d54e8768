package gateway_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

// connect311 is a CONNECT of MQTT 3.1.1 with this level, flags and payload.
func connect311(level, flags byte, payload ...string) []byte {
	body := append([]byte{0, 4, 'M', 'Q', 'T', 'T', level, flags, 0, 60}, fields(payload)...)
	return append([]byte{0x10, byte(len(body))}, body...)
}

// fields writes strings as MQTT does, each after its length.
func fields(texts []string) (out []byte) {
	for _, s := range texts {
		out = append(out, byte(len(s)>>8), byte(len(s)))
		out = append(out, s...)
	}
	return out
}

// TestAnswersFitTheVersion: a client of MQTT 3.1.1 gets return codes of 3.1.1. It gets no answer if its CONNECT breaks the
// protocol, and never a DISCONNECT (MQTT 3.1.1 §3.1.4, §3.2.2.3, §3.14).
func TestAnswersFitTheVersion(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	user := number(1)
	wrongName := connect311(4, 0xc2, user, user, "pw"+user)
	copy(wrongName[4:], "MQTX")
	for name, c := range map[string]struct {
		packet []byte
		want   string
	}{
		"session kept under no name": {connect311(4, 0x00, ""), "20020002"},
		"an unknown level":           {connect311(6, 0xc2, user, user, "pw"+user), "20020001"},
		"another protocol":           {wrongName, ""},
		"a flag that is reserved":    {connect311(4, 0xc3, user, user, "pw"+user), ""},
		"a password of no bytes":     {connect311(4, 0xc2, user, user, ""), "20020005"},
		"a will with quality 2":      {connect311(4, 0xd6, user, "m/"+user+"/up/x", "gone", user, "pw"+user), "20020005"},
		"a retained will":            {connect311(4, 0xe6, user, "m/"+user+"/up/x", "gone", user, "pw"+user), "20020005"},
		"a wrong password":           {connect311(4, 0xc2, user, user, "nonsense"), "20020005"},
	} {
		p := dial(t, b)
		if _, err := p.conn.Write(c.packet); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(p.all()); got != c.want {
			t.Errorf("%s: answered %s, want %s", name, got, c.want)
		}
	}
	for name, packet := range map[string][]byte{
		"a retained message": {0x33, 4, 0, 1, 'a', 0},
		"quality 2":          {0x34, 5, 0, 1, 'a', 0, 1},
		"a foreign topic":    {0x32, 5, 0, 1, 'a', 0, 1},
		"too large":          {0x32, 0xff, 0xff, 0xff, 0x7f},
	} {
		p := login(t, b, user)
		if _, err := p.conn.Write(packet); err != nil {
			t.Fatal(err)
		}
		if got := p.all(); len(got) > 0 {
			t.Errorf("%s: answered %x, want the connection closed without a word", name, got)
		}
	}
}

// all reads until the connection ends.
func (p *peer) all() []byte {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	out, err := io.ReadAll(p.in)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		p.t.Errorf("the connection stayed open after %x", out)
	}
	return out
}

// login5 connects as a meter with MQTT 5 and returns the CONNACK.
func login5(t *testing.T, b *gateway.Gateway, user string) (*peer, packets.Packet) {
	t.Helper()
	p := dial(t, b)
	p.version = 5
	p.write(connectPacket(user))
	pk := p.want(packets.Connack)
	if pk.ReasonCode != 0 {
		t.Fatalf("refused with %x", pk.ReasonCode)
	}
	return p, pk
}

// TestEveryLimitIsAnnounced: the CONNACK of MQTT 5 names each enforced limit.
func TestEveryLimitIsAnnounced(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	_, pk := login5(t, b, number(1))
	l := b.Limits()
	got := fmt.Sprint(pk.Properties.ReceiveMaximum, pk.Properties.MaximumQosFlag, pk.Properties.MaximumQos, pk.Properties.RetainAvailableFlag,
		pk.Properties.RetainAvailable, pk.Properties.MaximumPacketSize, pk.Properties.SharedSubAvailableFlag, pk.Properties.SharedSubAvailable,
		pk.Properties.SubIDAvailableFlag, pk.Properties.SubIDAvailable, pk.Properties.TopicAliasMaximum)
	if want := fmt.Sprint(l.InFlight, true, 1, true, 0, l.PacketSize, true, 0, true, 0, 0); got != want {
		t.Errorf("announced %s, want %s", got, want)
	}
}

// lines collects the log.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}
func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.Buffer.String() }

// TestAPacketTooLargeIsToldOf: a packet of the announced size is accepted. A packet one byte longer ends the connection. A client
// of MQTT 5 is sent the reason. The log and an alarm name the meter. The packets before the large one are still handled.
func TestAPacketTooLargeIsToldOf(t *testing.T) {
	store, log := newShelf(), new(lines)
	alarms := make(chan [2]string, 2)
	inbox := func(recs []metering.Record, done func([]metering.Outcome, error)) error {
		if recs[0].Bad != nil {
			alarms <- [2]string{recs[0].Number, recs[0].Bad.Reason}
		}
		return store.inbox(recs, done)
	}
	b := start(t, gateway.Config{Inbox: inbox, Log: slog.New(slog.NewTextHandler(log, nil))})
	user, limit := number(1), b.Limits().PacketSize
	packet := func(size int) []byte {
		topic := wire.UpTopic(user, wire.KindReading)
		body := append(fields([]string{topic}), 0, 7, 0) // packet number 7, no properties
		body = append(body, reading(1)...)
		body = append(body, bytes.Repeat([]byte(" "), size-4-len(body))...)
		return append([]byte{0x32, byte(len(body)&0x7f) | 0x80, byte(len(body)>>7&0x7f) | 0x80, byte(len(body) >> 14)}, body...)
	}
	p, _ := login5(t, b, user)
	if _, err := p.conn.Write(packet(limit)); err != nil {
		t.Fatal(err)
	}
	p.want(packets.Puback)
	await.Receive(t, "an alarm", alarms)                                                 // the payload exceeds the payload limit
	if _, err := p.conn.Write(append([]byte{0xc0, 0}, packet(limit+1)...)); err != nil { // a PINGREQ, then the packet that is too large
		t.Fatal(err)
	}
	p.want(packets.Pingresp)
	if pk := p.want(packets.Disconnect); pk.ReasonCode != packets.ErrPacketTooLarge.Code {
		t.Errorf("DISCONNECT with %x, want 95", pk.ReasonCode)
	}
	if a := await.Receive(t, "an alarm", alarms); a[0] != user || !strings.Contains(a[1], fmt.Sprint(limit+1)) {
		t.Errorf("the alarm says %+v", a)
	}
	await.True(t, "the log names the meter whose connection was closed", func() bool {
		return strings.Contains(log.String(), "closed after invalid data") && strings.Contains(log.String(), user)
	})
	if n := b.Stats().Forbidden; n != 1 {
		t.Errorf("%d forbidden, want 1", n)
	}
}
