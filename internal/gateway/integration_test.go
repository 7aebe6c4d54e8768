package gateway_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
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
	_, address = integrationBroker(t, gateway.Limits{}, nil)
	return address
}

// integrationBroker starts an integration broker. While the function revoked, if there is one, returns true, no login counts any more.
func integrationBroker(t *testing.T, limits gateway.Limits, revoked func() bool) (g *gateway.Integration, address string) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g, err = gateway.NewIntegration(gateway.IntegrationConfig{Listener: socket, Limits: limits,
		Auth: func(_ context.Context, user, _ string) (mirror.Login, bool) {
			i, err := id.Parse(id.Login, user)
			return mirror.Login{ID: i}, err == nil
		},
		InForce: func(context.Context, string) bool { return revoked == nil || !revoked() }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := await.Receive(t, "the broker has stopped", ended); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return g, socket.Addr().String()
}

// TestEveryEndOfAProgramIsCounted ends connections of programs in different ways.
func TestEveryEndOfAProgramIsCounted(t *testing.T) {
	stranger := func(sent []byte) func(t *testing.T, g *gateway.Integration, address string) {
		return func(t *testing.T, _ *gateway.Integration, address string) {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			p := peerOn(t, c)
			if p.sends(sent); sent == nil {
				_ = c.Close()
				return
			}
			for err == nil {
				_, err = p.read()
			}
		}
	}
	send := func(sent []byte) func(t *testing.T, g *gateway.Integration, address string) {
		return func(t *testing.T, _ *gateway.Integration, address string) {
			p := program(t, address, 1, 4)
			p.sends(sent)
			for err := error(nil); err == nil; {
				_, err = p.read()
			}
		}
	}
	var revoked atomic.Bool // only in its own case: the broker also looks for revoked logins by itself, and would end any connection
	for reason, do := range map[string]func(t *testing.T, g *gateway.Integration, address string){
		"stranger":     stranger(nil),
		"connect":      stranger([]byte("GET / HTTP/1.1\r\n")),
		"connect-size": stranger([]byte{0x10, 0xff, 0xff, 0xff, 0x7f}),
		"connect-time": stranger([]byte{0x10, 0x1f}),
		"denied":       stranger(connect311(4, 0xc2, "x", "nobody", "wrong")),
		"disconnect":   send([]byte{0xe0, 0}),
		"form":         send([]byte{0x82, 2, 0, 1}),
		"size":         send([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}),
		"silence":      send([]byte{0xc0}),
		"socket":       func(t *testing.T, _ *gateway.Integration, address string) { _ = program(t, address, 1, 4).conn.Close() },
		"takeover": func(t *testing.T, _ *gateway.Integration, address string) {
			program(t, address, 1, 5)
			program(t, address, 1, 5).settle()
		},
		"revoked": func(t *testing.T, g *gateway.Integration, address string) {
			program(t, address, 1, 4).settle()
			revoked.Store(true)
			defer revoked.Store(false)
			g.DisconnectRevoked(t.Context())
		},
	} {
		t.Run(reason, func(t *testing.T) {
			limits := gateway.Limits{ConnectDeadline: time.Hour, KeepAlive: time.Hour}
			switch reason {
			case "connect-time":
				limits.ConnectDeadline = 100 * time.Millisecond
			case "silence":
				limits.KeepAlive = time.Second
			}
			g, address := integrationBroker(t, limits, revoked.Load)
			do(t, g, address)
			at := slices.Index(gateway.Endings(), reason)
			await.True(t, "an end by "+reason, func() bool {
				all := g.Ended()
				return slices.Max(all[:]) > 0
			})
			if g.Ended()[at] != 1 {
				t.Errorf("ends %v, want one at %d", g.Ended(), at)
			}
		})
	}
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
