package gateway_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/wire"
)

func TestWhoMayConnect(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	user, other := number(1), number(2)
	for _, c := range []struct {
		name   string
		change func(*packets.Packet)
		ok     bool
	}{
		{"itself", func(*packets.Packet) {}, true},
		{"wrong password", func(p *packets.Packet) { p.Connect.Password = []byte("pw" + other) }, false},
		{"no password", func(p *packets.Packet) { p.Connect.PasswordFlag, p.Connect.Password = false, nil }, false},
		{"no name", func(p *packets.Packet) {
			p.Connect.UsernameFlag, p.Connect.Username, p.Connect.PasswordFlag, p.Connect.Password = false, nil, false, nil
		}, false},
		{"client id of another", func(p *packets.Packet) { p.Connect.ClientIdentifier = other }, false},
		{"no client id", func(p *packets.Packet) { p.Connect.ClientIdentifier = "" }, false},
		{"wildcard as name", func(p *packets.Packet) {
			p.Connect.ClientIdentifier, p.Connect.Username, p.Connect.Password = "+", []byte("+"), []byte("pw+")
		}, false},
		{"will below its own up", func(p *packets.Packet) { will(p, wire.UpTopic(user, wire.KindEvent), false) }, true},
		{"will of another", func(p *packets.Packet) { will(p, wire.UpTopic(other, wire.KindEvent), false) }, false},
		{"will to itself", func(p *packets.Packet) { will(p, wire.DownTopic(user, wire.DownCommand), false) }, false},
		{"retained will", func(p *packets.Packet) { will(p, wire.UpTopic(user, wire.KindEvent), true) }, false},
		{"MQTT 3.1", func(p *packets.Packet) { p.Connect.ProtocolName, p.ProtocolVersion = []byte("MQIsdp"), 3 }, false},
	} {
		p := dial(t, b)
		pk := connectPacket(user)
		pk.ProtocolVersion = 4
		c.change(&pk)
		p.version = pk.ProtocolVersion
		p.write(pk)
		ack := p.want(packets.Connack)
		if got := ack.ReasonCode == 0; got != c.ok {
			t.Errorf("%s: answered %d, want let in: %v", c.name, ack.ReasonCode, c.ok)
		}
		if !c.ok {
			p.wantClosed(packets.Puback)
		}
	}
}

func will(p *packets.Packet, topic string, retain bool) {
	p.Connect.WillFlag, p.Connect.WillTopic, p.Connect.WillPayload, p.Connect.WillRetain = true, topic, []byte("gone"), retain
}

func TestAuthorityMustNameTheSameMeter(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Auth: func(context.Context, string, string) (registry.Identity, bool) {
		return registry.Identity{Tenant: 1, Meter: 1, Number: "04140001001"}, true
	}})
	p := dial(t, b)
	p.write(connectPacket("0414 000 1001")) // the same number in another form would get its own topics
	if pk := p.want(packets.Connack); pk.ReasonCode == 0 {
		t.Error("a meter was let in under another name than its number")
	}
}

// TestNoMeterReachesAnother lets 100 meters publish on each other's topics. No record is stored for the wrong meter,
// and no meter receives a message of another meter.
func TestNoMeterReachesAnother(t *testing.T) {
	const n = 100
	var mu sync.Mutex
	leaks := map[string]string{}
	store := newShelf()
	b := start(t, gateway.Config{Limits: gateway.Limits{Rate: 1 << 20, Burst: 1 << 20}, Inbox: func(recs []metering.Record, done func([]metering.Outcome, error)) error {
		for _, r := range recs {
			if from := fmt.Sprintf(`"code":%d`, r.Meter); !strings.Contains(string(r.Rec.Raw), from) {
				mu.Lock()
				leaks[r.Number] = string(r.Rec.Raw)
				mu.Unlock()
			}
		}
		return store.inbox(recs, done)
	}})
	peers := make([]*peer, n)
	for i := range peers {
		peers[i] = login(t, b, number(i+1))
		peers[i].listen(number(i + 1))
	}
	for i, p := range peers {
		payload := fmt.Sprintf(`{"seq":1,"at":1763625600,"up":1,"clock":"valid","code":%d}`, i+1)
		for j := range peers {
			if i == j {
				continue
			}
			// With quality 0 the gateway ignores a refused message and keeps the connection, so that the loop can try all
			// topics.
			p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: wire.UpTopic(number(j+1), wire.KindEvent), Payload: []byte(payload)})
			p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: wire.DownTopic(number(j+1), wire.DownToken), Payload: []byte(payload)})
		}
		p.publish(wire.UpTopic(number(i+1), wire.KindEvent), 1, payload)
	}
	for i, p := range peers {
		p.want(packets.Puback)
		if pk := p.want(packets.Publish); pk.TopicName != wire.DownTopic(number(i+1), wire.DownAck) {
			t.Errorf("meter %s heard %s", number(i+1), pk.TopicName)
		}
	}
	if s := b.Stats(); s.Stored != n || len(leaks) > 0 {
		t.Errorf("%d records stored, want %d; leaks: %v", s.Stored, n, leaks)
	}
}

func TestPublishingElsewhereEndsTheConnection(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	user, other := number(1), number(2)
	for _, topic := range []string{
		wire.UpTopic(other, wire.KindReading), wire.DownTopic(user, wire.DownCommand), "m/" + user + "/up/", "m/" + user + "/upper/reading",
		"m/" + user, "x", "m/" + user + "/up/" + strings.Repeat("x", 128),
	} {
		p := login(t, b, user)
		p.publish(topic, 1, reading(1))
		p.wantClosed(packets.Puback)
	}
	p := login(t, b, user)
	p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1, Retain: true},
		TopicName: wire.UpTopic(user, wire.KindReading), PacketID: 1, Payload: []byte(reading(1))})
	p.wantClosed(packets.Puback)
	p = login(t, b, user)
	p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 2},
		TopicName: wire.UpTopic(user, wire.KindReading), PacketID: 1, Payload: []byte(reading(1))})
	p.wantClosed(packets.Pubrec)
	if s := b.Stats(); s.Stored+s.Dropped+s.Quarantined != 0 {
		t.Errorf("%d records stored, want none", s.Stored)
	}
}

func TestSubscribingOnlyInsideTheOwnDown(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	user, other := number(1), number(2)
	own := "m/" + user + "/down/"
	for _, c := range []struct {
		filter string
		ok     bool
	}{
		{own + "#", true}, {own + "+", true}, {own + "ack", true}, {own + "+/#", true},
		{"#", false}, {"+/+/+/+", false}, {"m/#", false}, {"m/+/down/#", false}, {"m/" + user + "/#", false}, {"m/" + user + "/+/ack", false},
		{"m/" + other + "/down/#", false}, {"m/" + user + "/up/#", false}, {"$SYS/#", false}, {"$share/g/" + own + "#", false},
		{own + strings.Repeat("x", 128), false}, {"m/" + user + "/down", false},
	} {
		p := login(t, b, user)
		p.subscribe(c.filter)
		if code := p.want(packets.Suback).ReasonCodes[0]; (code < 0x80) != c.ok {
			t.Errorf("%s answered %#x, want granted: %v", c.filter, code, c.ok)
		}
		p.settle()
		if b.Publish(user, wire.DownAck, []byte(`{"seq":1}`)) != c.ok {
			t.Errorf("%s: an acknowledgement was taken: %v, want %v", c.filter, !c.ok, c.ok)
		}
	}
	p := login(t, b, user)
	var filters []string
	for i := range 9 {
		filters = append(filters, fmt.Sprintf("%sx%d", own, i))
	}
	p.subscribe(filters...)
	codes := p.want(packets.Suback).ReasonCodes
	if codes[7] != 1 || codes[8] < 0x80 {
		t.Errorf("nine filters answered %v, want the first eight granted", codes)
	}
	p.subscribe(filters[0]) // a filter that the meter already has does not count again
	if code := p.want(packets.Suback).ReasonCodes[0]; code != 1 {
		t.Errorf("a repeated filter answered %#x, want granted", code)
	}
}

func TestVersion5IsToldTheLimits(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	user := number(1)
	for _, c := range []struct{ asks, told uint16 }{{0, 600}, {3600, 600}, {601, 600}} {
		p := dial(t, b)
		p.version = 5
		pk := connectPacket(user)
		pk.Connect.Keepalive = c.asks
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 1<<31, true
		p.write(pk)
		ack := p.want(packets.Connack)
		if ack.ReasonCode != 0 || ack.Properties.ServerKeepAlive != c.told || ack.Properties.ReceiveMaximum != 64 ||
			ack.Properties.SessionExpiryInterval != 7*24*3600 || ack.Properties.MaximumQos != 1 {
			t.Errorf("keep-alive %d: answered %d with %+v", c.asks, ack.ReasonCode, ack.Properties)
		}
		p.publish(wire.UpTopic(number(2), wire.KindReading), 5, reading(1))
		if puback := p.want(packets.Puback); puback.ReasonCode != packets.ErrNotAuthorized.Code {
			t.Errorf("another meter's topic answered %#x, want not authorized", puback.ReasonCode)
		}
		p.publish(wire.UpTopic(user, wire.KindReading), 6, reading(1))
		if puback := p.want(packets.Puback); puback.PacketID != 6 || puback.ReasonCode != 0 {
			t.Errorf("own topic answered %#x for %d", puback.ReasonCode, puback.PacketID)
		}
	}
	p := dial(t, b)
	p.version = 5
	pk := connectPacket(user)
	for range 5 {
		pk.Properties.User = append(pk.Properties.User, packets.UserProperty{Key: "k", Val: "v"})
	}
	p.write(pk)
	if ack := p.want(packets.Connack); ack.ReasonCode == 0 {
		t.Error("five user properties were taken, want at most four")
	}
}

// TestOrdinaryClientOverTLS uses an ordinary client library over TLS. The client logs in, sends a reading, gets its
// acknowledgement and then a message of the server.
func TestOrdinaryClientOverTLS(t *testing.T) {
	server, client := certificate(t)
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox, TLS: server})
	user := number(1)
	heard := make(chan paho.Message, 8)
	o := paho.NewClientOptions().AddBroker("ssl://" + b.Addr().String()).SetTLSConfig(client).SetClientID(user).
		SetUsername(user).SetPassword("pw" + user).SetConnectTimeout(patience)
	c := paho.NewClient(o)
	wait(t, c.Connect())
	defer c.Disconnect(0)
	wait(t, c.Subscribe(wire.DownFilter(user), 1, func(_ paho.Client, m paho.Message) { heard <- m }))
	wait(t, c.Publish(wire.UpTopic(user, wire.KindReading), 1, false, reading(1)))
	m := await.Receive(t, "a message", heard)
	if a, err := wire.DecodeAck(m.Payload()); err != nil || a.Seq != 1 {
		t.Errorf("got %s %q, want ack 1", m.Topic(), m.Payload())
	}
	if !b.Publish(user, wire.DownToken, []byte(`{}`)) {
		t.Error("no message was taken")
	}
	if m := await.Receive(t, "the next message", heard); m.Topic() != wire.DownTopic(user, wire.DownToken) {
		t.Errorf("got %s, want a token", m.Topic())
	}
	p := dialTLS(t, b, client)
	p.write(connectPacket(number(2)))
	p.want(packets.Connack)
}

func wait(t *testing.T, token paho.Token) {
	t.Helper()
	if !token.WaitTimeout(patience) {
		t.Fatalf("%s: after %v the client still has no answer", await.NotInTime, patience)
	}
	if err := token.Error(); err != nil {
		t.Fatal(err)
	}
}

// certificate makes a certificate for this test and a client configuration that trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: number(1)}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}
