package gateway_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/wire"
)

// ended is a way to end a connection.
type ended struct {
	limits gateway.Limits
	fails  bool  // the store takes nothing
	tls    bool  // with certificates of meters
	good   int32 // how many times a certificate counts
	do     func(t *testing.T, b *gateway.Gateway, client *tls.Config)
}

// endedWays has a way for each reason.
func endedWays() map[string]ended {
	send := func(p []byte) ended {
		return ended{do: func(t *testing.T, b *gateway.Gateway, _ *tls.Config) { login(t, b, number(1)).sends(p) }}
	}
	stranger := func(l gateway.Limits, p []byte) ended {
		return ended{limits: l, do: func(t *testing.T, b *gateway.Gateway, _ *tls.Config) { dial(t, b).sends(p) }}
	}
	with := func(l gateway.Limits, do func(t *testing.T, b *gateway.Gateway)) ended {
		return ended{limits: l, do: func(t *testing.T, b *gateway.Gateway, _ *tls.Config) { do(t, b) }}
	}
	return map[string]ended{
		"connect-time": stranger(gateway.Limits{ConnectDeadline: 50 * time.Millisecond}, nil),
		"connect-size": stranger(gateway.Limits{}, []byte{0x10, 0xff, 0xff, 0xff, 0x7f}),
		"connect":      stranger(gateway.Limits{}, []byte("GET / HTTP/1.1\r\n")),
		"denied":       stranger(gateway.Limits{}, connect311(4, 0xc2, number(1), number(1), "wrong")),
		"stranger":     with(gateway.Limits{}, func(t *testing.T, b *gateway.Gateway) { _ = dial(t, b).conn.Close() }),
		"limit": with(gateway.Limits{Connections: 1}, func(t *testing.T, b *gateway.Gateway) {
			login(t, b, number(1))
			dial(t, b)
		}),
		"disconnect": send([]byte{0xe0, 0}),
		"socket":     with(gateway.Limits{}, func(t *testing.T, b *gateway.Gateway) { _ = login(t, b, number(1)).conn.Close() }),
		"silence":    with(gateway.Limits{KeepAlive: 40 * time.Millisecond}, func(t *testing.T, b *gateway.Gateway) { login(t, b, number(1)) }),
		"not-reading": with(gateway.Limits{Pending: 1 << 10}, func(t *testing.T, b *gateway.Gateway) {
			login(t, b, number(1)).hear(number(1))
			b.Publish(number(1), wire.DownToken, make([]byte, 2<<10))
		}),
		"size": send([]byte{0x30, 0xff, 0xff, 0x7f}),
		"form": send([]byte{0xd0, 0}),
		"rule": send(short(0x31, "m/"+number(1)+"/up/event")),
		"takeover": with(gateway.Limits{}, func(t *testing.T, b *gateway.Gateway) {
			login(t, b, number(1))
			login(t, b, number(1))
		}),
		"store": {fails: true, do: func(t *testing.T, b *gateway.Gateway, _ *tls.Config) {
			login(t, b, number(1)).sends(short(0x32, "m/"+number(1)+"/up/reading", 0, 1))
		}},
		"elsewhere": with(gateway.Limits{}, func(t *testing.T, b *gateway.Gateway) {
			login(t, b, number(1))
			entered(t, b)
			b.Drop(number(1))
		}),
		"tls": {tls: true, do: func(t *testing.T, b *gateway.Gateway, _ *tls.Config) { dial(t, b).sends([]byte("no TLS at all")) }},
		"certificate": {tls: true, do: func(t *testing.T, b *gateway.Gateway, c *tls.Config) {
			if conn, err := tls.Dial("tcp", b.Addr().String(), c); err == nil { // in TLS 1.3 the client has done its part
				t.Cleanup(func() { _ = conn.Close() })
			}
		}},
		"revoked": {tls: true, good: 2, do: func(t *testing.T, b *gateway.Gateway, c *tls.Config) {
			p := dialTLS(t, b, c)
			p.write(connectPacket(number(1)))
			p.want(packets.Connack)
			entered(t, b)
			b.Recheck()
		}},
	}
}

// TestEveryEndIsCountedAndLogged: each reason for the end of a connection has its counter and its log line, and no connection is counted
// under another reason.
func TestEveryEndIsCountedAndLogged(t *testing.T) {
	ways := endedWays()
	for i, name := range gateway.Endings() {
		if _, known := ways[name]; !known && name != "shutdown" {
			t.Errorf("no way ends a connection by %s", name)
		}
		w, known := ways[name]
		if !known {
			continue
		}
		log := new(lines)
		b, client := startEnding(t, w, log)
		w.do(t, b, client)
		var all gateway.Ends
		await.True(t, "an end by "+name+" is counted and logged", func() bool {
			all = b.Stats().Ended
			return slices.Max(all[:]) > 0 && strings.Contains(log.String(), "reason=")
		})
		if others := slices.Clone(all[:]); all[i] != 1 || sum(others) != 1 {
			t.Errorf("%s: counted %v, want one of %s", name, all, name)
		}
		if !strings.Contains(log.String(), "reason="+name+" ") {
			t.Errorf("%s: the log says %s", name, log)
		}
	}
}

// entered waits until the gateway knows the connection, which may be a little after its CONNACK.
func entered(t *testing.T, b *gateway.Gateway) {
	t.Helper()
	await.True(t, "the meter is connected", func() bool { return b.Connected(number(1)) })
}

func sum(all []int64) (n int64) {
	for _, x := range all {
		n += x
	}
	return n
}

// startEnding starts a gateway for one way.
func startEnding(t *testing.T, w ended, log *lines) (*gateway.Gateway, *tls.Config) {
	t.Helper()
	store := newShelf()
	c := gateway.Config{Limits: w.limits, Inbox: store.inbox, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if w.fails {
		c.Inbox = func(_ []metering.Record, done func([]metering.Outcome, error)) error {
			go done(nil, errors.New("the disk is full"))
			return nil
		}
	}
	if !w.tls {
		return start(t, c), nil
	}
	var client *tls.Config
	var looks atomic.Int32
	c.TLS, client = certificate(t)
	client.Certificates = c.TLS.Certificates
	c.Trust = func(*x509.Certificate) error {
		if looks.Add(1) > w.good { // the handshake and the login look too
			return errors.New("revoked")
		}
		return nil
	}
	c.Certified = func(context.Context, string) (registry.Identity, bool) {
		return registry.Identity{Tenant: 1, Meter: 1, Number: number(1)}, true
	}
	return start(t, c), client
}

// TestAShutdownIsCounted: the connections that a stopping server ends have a reason of their own.
func TestAShutdownIsCounted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, err := gateway.New(gateway.Config{Listener: l, Auth: auth, Inbox: newShelf().inbox})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	login(t, b, number(1))
	entered(t, b)
	stop()
	if err := await.Receive(t, "the gateway has stopped", done); err != nil {
		t.Fatal(err)
	}
	if all := b.Stats().Ended; all[len(all)-1] != 1 || sum(slices.Clone(all[:])) != 1 {
		t.Errorf("counted %v, want one shutdown", all)
	}
}
