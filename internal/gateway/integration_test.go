package gateway_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/mirror"
)

// program connects a program to an integration broker, with the login of this number.
func program(t *testing.T, address string, number byte, version byte) *peer {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p := peerOn(t, c)
	p.version = version
	pk := connectPacket(mirror.Login{ID: id.ID{number}}.User())
	pk.ProtocolVersion = version
	p.write(pk)
	if got := p.want(packets.Connack); got.ReasonCode != 0 {
		t.Fatalf("the program is refused with %#x", got.ReasonCode)
	}
	return p
}

// integrations starts an integration broker that knows every login.
func integrations(t *testing.T) (address string) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.NewIntegration(gateway.IntegrationConfig{Listener: socket,
		Auth: func(_ context.Context, user, _ string) (mirror.Login, bool) {
			i, err := id.Parse(id.Login, user)
			return mirror.Login{ID: i}, err == nil
		},
		InForce: func(context.Context, string) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return socket.Addr().String()
}

// TestAMalformedPacketEndsOnlyItsProgram: bytes of one program never reach mochi unless they are a packet. A SUBSCRIBE that ends after its
// filter, without the options, ended the whole server.
func TestAMalformedPacketEndsOnlyItsProgram(t *testing.T) {
	address := integrations(t)
	other := program(t, address, 1, 4)
	for name, sent := range map[string][]byte{
		"a filter without options": {0x82, 0x05, 0, 1, 0, 1, 'x'},
		"a filter that is cut off": {0x82, 0x06, 0, 1, 0, 9, 'x', 'y'},
		"no filters":               {0x82, 0x02, 0, 1},
		"an unknown flag":          {0x81, 0x06, 0, 1, 0, 1, 'x', 0},
		"a packet of servers":      {0x90, 0x03, 0, 1, 0},
		"AUTH":                     {0xf0, 0x00},
		"a ping with a body":       {0xc0, 0x01, 0},
		"a topic with a wildcard":  {0x30, 0x03, 0, 1, '#'},
	} {
		for _, version := range []byte{4, 5} {
			p := program(t, address, 2, version)
			body := sent
			if version == 5 && sent[0]>>4 == packets.Subscribe {
				body = append([]byte{sent[0], sent[1] + 1, sent[2], sent[3], 0}, sent[4:]...) // no properties
			}
			if _, err := p.conn.Write(body); err != nil {
				t.Fatal(err)
			}
			pk, err := p.read()
			if told := err == nil && pk.FixedHeader.Type == packets.Disconnect && pk.ReasonCode >= 0x80; told != (version == 5) {
				t.Errorf("%s, version %d: answered with %+v, %v", name, version, pk.FixedHeader, err)
			}
			if err == nil {
				p.wantClosed(packets.Suback)
			}
		}
	}
	other.subscribe("homeassistant/status")
}
