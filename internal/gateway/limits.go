package gateway

import (
	"fmt"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"github.com/paywatt/paywatt/wire"
)

// Limits are the figures of docs/reference/mqtt.md#login. The zero value of a field means its default; benches and tests set
// their own and say so.
type Limits struct {
	Connections     int           // open sockets of all addresses together
	PerAddress      int           // open sockets of one IP address; loopback has no limit
	ConnectDeadline time.Duration // time from accepting a socket to a complete CONNECT, TLS included
	ConnectSize     int           // bytes of a CONNECT packet: this bounds what a stranger can make the server allocate
	PacketSize      int           // bytes of any other packet
	KeepAlive       time.Duration // the longest keep-alive; a client that asks for none gets this one
	InFlight        int           // unacknowledged messages of one connection, each way
	Subscriptions   int           // subscriptions of one connection
	SessionExpiry   time.Duration // longest life of a session without its connection
	Rate            int           // packets per second of one connection over time, messages and others; above it the server stops reading
	Burst           int           // packets that one connection may send at once before the rate applies; a meter does so after an outage
	Pending         int           // unsent bytes of one connection; above it the client is too slow
	Patience        time.Duration // how long a message waits for room in the store's queue before its connection is closed
}

// Fixed limits.
const (
	maxTopic          = 128 // bytes
	maxUserProperties = 4
	maxFilters        = 32 // filters of one SUBSCRIBE or UNSUBSCRIBE
	authTimeout       = 5 * time.Second
	authParallel      = 32                    // logins checked at the same time
	writeTimeout      = 10 * time.Second      // time limit for one write to a client's socket
	lingerTimeout     = 2 * time.Second       // time to send the remaining bytes when a connection is closed
	shutdownGrace     = 2 * time.Second       // time for clients to leave when the broker stops
	headerRoom        = 1 << 10               // bytes of a packet besides its payload: topic and properties
	bufferSize        = 1 << 10               // bytes of a client's read buffer
	acceptPause       = time.Second           // longest pause after a failure to accept a socket
	busyPause         = 50 * time.Millisecond // longest pause before asking a full store again
)

// Defaults are the limits of a server.
func Defaults() Limits {
	return Limits{
		Connections: 20_000, PerAddress: 1000, ConnectDeadline: 10 * time.Second, ConnectSize: 4 << 10,
		PacketSize: wire.MaxPayload + headerRoom, KeepAlive: 600 * time.Second, InFlight: 64, Subscriptions: 8,
		SessionExpiry: 7 * 24 * time.Hour, Rate: 2, Burst: 120, Pending: 256 << 10, Patience: 30 * time.Second,
	}
}

// withDefaults replaces zero fields with the defaults.
func (l Limits) withDefaults() Limits { return l.over(Defaults()) }

// over replaces each zero field with the same field of other limits.
func (l Limits) over(d Limits) Limits {
	for _, f := range []struct{ have, def *int }{
		{&l.Connections, &d.Connections}, {&l.PerAddress, &d.PerAddress}, {&l.ConnectSize, &d.ConnectSize},
		{&l.PacketSize, &d.PacketSize}, {&l.InFlight, &d.InFlight}, {&l.Subscriptions, &d.Subscriptions},
		{&l.Rate, &d.Rate}, {&l.Burst, &d.Burst}, {&l.Pending, &d.Pending},
	} {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	for _, f := range []struct{ have, def *time.Duration }{
		{&l.ConnectDeadline, &d.ConnectDeadline}, {&l.KeepAlive, &d.KeepAlive}, {&l.SessionExpiry, &d.SessionExpiry},
		{&l.Patience, &d.Patience},
	} {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	return l
}

// String names the limits that matter for the reader of a bench.
func (l Limits) String() string {
	return fmt.Sprintf("connections %d, per address %d, in flight %d, messages/s per meter %d, burst %d, packet %d B",
		l.Connections, l.PerAddress, l.InFlight, l.Rate, l.Burst, l.PacketSize)
}

// capabilities bounds everything that mochi leaves unbounded, for every broker alike.
func (l Limits) capabilities() *mqtt.Capabilities {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumClients = int64(l.Connections)
	c.MaximumSessionExpiryInterval = uint32(l.SessionExpiry.Seconds())
	c.MaximumPacketSize = uint32(l.PacketSize)
	c.ReceiveMaximum = uint16(l.InFlight)
	c.MaximumInflight = uint16(l.InFlight)
	c.TopicAliasMaximum = 0
	c.SharedSubAvailable = 0
	c.MinimumProtocolVersion = 4
	c.MaximumQos = 1
	return c
}
