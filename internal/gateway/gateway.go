// Package gateway is the meters' MQTT gateway, and the listeners of devices and integrations. Start at [New].
//
// A meter publishes only below its own up/ and receives only its own down/, so the gateway does not route, retain or match
// (docs/reference/datapath.md#from-the-socket-to-the-row). A meter's message goes to the store's queue. It is acknowledged,
// with PUBACK and down/ack, only after its commit, in the store's callback. Meanwhile the reader of the connection continues,
// so that one connection can have many unacknowledged messages. After a failed commit the gateway closes the connection and the
// meter sends again.
//
// A message to a meter goes straight to its connection, if it has one: nothing is queued for absent meters. The outbox keeps
// what matters until the meter itself answers.
//
// [Limits] holds every limit on what a stranger or a broken meter can do.
package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/wire"
)

// Config is what a Gateway needs. Listener, Auth and Inbox are required.
type Config struct {
	// Listener accepts the meters' sockets; the gateway closes it.
	Listener net.Listener
	// TLS, if set, is used on every socket.
	TLS *tls.Config
	// Auth identifies a meter by its user name and password; ok is false for anybody else, and on an error.
	Auth func(ctx context.Context, number, password string) (who registry.Identity, ok bool)
	// Trust, if set, says why a meter's certificate does not count, or returns nil. A meter may then sign in with a certificate whose
	// subject is its number, instead of a password. It needs TLS and Certified.
	Trust func(*x509.Certificate) error
	// Certified identifies a meter whose certificate has been checked; ok is false for a number that may not connect.
	Certified func(ctx context.Context, number string) (who registry.Identity, ok bool)
	// CertificatesOnly refuses every password. It needs Trust.
	CertificatesOnly bool
	// StillSignedIn, if set, reports whether a meter that has signed in may stay. Without it, or on its error, a meter stays.
	StillSignedIn func(ctx context.Context, who registry.Identity) (bool, error)
	// Inbox queues records for the store and returns at once; done is called after the commit, or after its failure,
	// from any goroutine, for each meter in the order of the calls. An error means that nothing was queued.
	Inbox func(recs []metering.Record, done func([]metering.Outcome, error)) error
	// OnConnected, if set, is called when a meter has subscribed on a connection. It must not block.
	OnConnected func(who registry.Identity)
	// OnDisconnected, if set, is called when the meter's connection has ended and no newer one has replaced it on this server.
	// It must not block.
	OnDisconnected func(who registry.Identity)
	Limits         Limits           // zero fields: Defaults
	Now            func() time.Time // nil: time.Now
	Log            *slog.Logger     // nil: no logging
}

// Gateway serves the meters' connections.
type Gateway struct {
	c      Config
	limits Limits
	now    func() time.Time
	log    *slog.Logger
	gate   *gate
	pool   *buffers
	logins chan struct{}
	counts counters

	mu     sync.RWMutex
	meters map[string]*session // sessions by meter number; each meter has at most one
	parked map[string]parked   // subscriptions of meters without a connection, by meter number
	swept  time.Time           // when parked was last searched
}

// New makes a gateway on a listener; Run serves it.
func New(c Config) (*Gateway, error) {
	if c.Listener == nil || c.Auth == nil || c.Inbox == nil {
		return nil, errors.New("gateway needs a listener, an authority and an inbox")
	}
	if c.Trust != nil && (c.TLS == nil || c.Certified == nil) {
		return nil, errors.New("certificates of meters need TLS and a function that finds the meter")
	}
	g := &Gateway{c: c, limits: c.Limits.withDefaults(), now: c.Now, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)), logins: make(chan struct{}, authParallel),
		meters: make(map[string]*session), parked: make(map[string]parked)}
	if g.now == nil {
		g.now = time.Now
	}
	g.gate = newGate(c.Listener, g.limits, withCertificates(c.TLS, c.Trust), g.log, &g.counts)
	g.pool = newBuffers(g.limits.PacketSize)
	return g, nil
}

// Addr is where meters connect.
func (g *Gateway) Addr() net.Addr { return g.c.Listener.Addr() }

// Run serves until ctx ends, then closes every connection. The store still commits the queued messages; their meters, which got
// no acknowledgement, send them again. The messages are then acknowledged as duplicates.
func (g *Gateway) Run(ctx context.Context) error {
	return fault.Wrap(g.gate.run(ctx, g.serve, g.end), "serve meters at %s", g.Addr())
}

// end ends the connection of every meter.
func (g *Gateway) end() {
	for _, s := range g.sessions() {
		s.end(byShutdown)
	}
}

// sessions returns the connections of all meters.
func (g *Gateway) sessions() []*session {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Collect(maps.Values(g.meters))
}

// enter makes s its meter's connection and ends the previous one.
func (g *Gateway) enter(s *session) {
	g.mu.Lock()
	before := g.meters[s.who.Number]
	g.meters[s.who.Number] = s
	g.mu.Unlock()
	if before != nil {
		before.end(byTakeover)
	}
	s.conn.accepted().SignedIn()
	g.counts.logins.Add(1)
	if cert := s.conn.certificate(); cert != nil {
		g.log.Info("meter connected with a certificate", logkey.Meter, s.who.Number, logkey.Remote, s.conn.RemoteAddr().String(), logkey.Serial, serialOf(cert))
		return
	}
	g.log.Debug("meter connected", logkey.Meter, s.who.Number, logkey.Remote, s.conn.RemoteAddr().String())
}

// leave forgets the connection if it is still the meter's, and tells the client why it ends.
func (g *Gateway) leave(s *session, why error) {
	cause := meterEnding(why)
	if !s.conn.cause.CompareAndSwap(uint32(noEnding), uint32(cause)) {
		cause = ending(s.conn.cause.Load())
	} else if r, known := reasonOf(why); known {
		s.tell(r)
	}
	_ = s.conn.Close()
	g.mu.Lock()
	last := g.meters[s.who.Number] == s
	if last {
		delete(g.meters, s.who.Number)
		g.park(s)
	}
	g.mu.Unlock()
	if last && g.c.OnDisconnected != nil {
		g.c.OnDisconnected(s.who)
	}
	g.ended(s.conn, cause, why, logkey.Meter, s.who.Number)
	switch cause {
	case bySize:
		g.counts.forbidden.Add(1)
		g.oversized(s, why)
	case byForm, byRule:
		g.counts.forbidden.Add(1)
	}
}

// oversized raises an alarm: a meter's packet was too large to be read, so that its records cannot arrive. It gives the store an
// unreadable record, which raises the alarm for unreadable records.
func (g *Gateway) oversized(s *session, why error) {
	bad := g.record(s, "", g.now(), metering.Record{Bad: &wire.Bad{Reason: why.Error()}})
	if err := g.c.Inbox([]metering.Record{bad}, func([]metering.Outcome, error) {}); err != nil {
		g.log.Warn("alarm not raised", logkey.Meter, s.who.Number, logkey.Err, err)
	}
}

// connected calls OnConnected if the meter is subscribed.
func (g *Gateway) connected(s *session) {
	if g.c.OnConnected != nil && s.listens() {
		g.c.OnConnected(s.who)
	}
}

func (g *Gateway) sessionOf(number string) *session {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.meters[number]
}

// Drop closes the meter's connection, if it holds one: the meter has connected to another server.
func (g *Gateway) Drop(number string) {
	if s := g.sessionOf(number); s != nil {
		s.end(byElsewhere)
	}
}

// LoginsChanged ends the connections of those meters, named by their dense numbers, that may no longer be signed in as they are.
func (g *Gateway) LoginsChanged(ctx context.Context, meters []int64) error {
	if g.c.StillSignedIn == nil || len(meters) == 0 {
		return nil
	}
	for _, s := range g.sessions() {
		if !slices.Contains(meters, s.who.Meter) {
			continue
		}
		stays, err := g.c.StillSignedIn(ctx, s.who)
		if err != nil {
			return err
		}
		if !stays {
			g.log.Info("login no longer counts", logkey.Meter, s.who.Number, logkey.Remote, s.conn.RemoteAddr().String())
			s.end(byRevocation)
		}
	}
	return nil
}

// Connected reports whether the meter holds a connection.
func (g *Gateway) Connected(number string) bool { return g.sessionOf(number) != nil }

// Format is the format of the meter's last message on its connection, which the meter can therefore read; JSON before its first
// message.
func (g *Gateway) Format(number string) wire.Format {
	s := g.sessionOf(number)
	if s == nil {
		return wire.JSON
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.format
}

// Publish hands a message to the meter's connection. It returns false if the meter has no connection, has not subscribed to
// this kind of message, or has too many unanswered messages. It never blocks.
func (g *Gateway) Publish(number string, d wire.Down, payload []byte) bool {
	s := g.sessionOf(number)
	return s != nil && s.publish(d, payload)
}

// Limits returns the limits in force.
func (g *Gateway) Limits() Limits { return g.limits }
