package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/logkey"
)

// gate is a listener that counts sockets, gives each a deadline for its CONNECT, and continues after an error of Accept.
type gate struct {
	net.Listener
	limits Limits
	tls    *tls.Config // nil: not encrypted
	log    *slog.Logger
	counts *counters

	mu      sync.Mutex
	all     map[*conn]struct{}
	from    map[netip.Addr]int
	closing chan struct{}
	once    sync.Once
}

func newGate(l net.Listener, limits Limits, encrypted *tls.Config, log *slog.Logger, counts *counters) *gate {
	return &gate{Listener: l, limits: limits, tls: encrypted, log: log, counts: counts, all: make(map[*conn]struct{}),
		from: make(map[netip.Addr]int), closing: make(chan struct{})}
}

// Accept waits for the next socket within the limits; it closes a socket above the limits at once.
func (g *gate) Accept() (net.Conn, error) {
	pause := 5 * time.Millisecond
	for {
		raw, err := g.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !rest(pause, g.closing) {
				return nil, err
			}
			g.log.Warn("connection not accepted", logkey.Err, err)
			pause = min(2*pause, acceptPause)
			continue
		}
		pause = 5 * time.Millisecond
		if c := g.admit(raw); c != nil {
			return c, nil
		}
		g.counts.refused.Add(1)
		g.log.Debug(byLimit.fact().line, logkey.Reason, g.counts.end(byLimit), logkey.Remote, raw.RemoteAddr().String())
		_ = raw.Close() // above the limits
	}
}

// rest waits. It returns false if done is closed meanwhile.
func rest(d time.Duration, done <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
		return false
	}
}

// admit counts the socket and wraps it; it returns nil if it refuses the socket, for instance because a limit is
// reached. If one of the sockets has not signed in, that one ends instead.
func (g *gate) admit(raw net.Conn) *conn {
	ip := addressOf(raw)
	g.mu.Lock()
	defer g.mu.Unlock()
	full := len(g.all) >= g.limits.Connections
	shared := !ip.IsLoopback() && g.from[ip] >= g.limits.PerAddress
	if (full || shared) && !listen.Of(raw).Displace(shared) {
		return nil
	}
	select {
	case <-g.closing:
		return nil
	default:
	}
	if err := raw.SetReadDeadline(time.Now().Add(g.limits.ConnectDeadline)); err != nil {
		return nil
	}
	socket := raw
	if g.tls != nil {
		socket = tls.Server(raw, g.tls)
	}
	c := newConn(socket, &g.limits)
	c.gone = func() { g.forget(c, ip) }
	g.all[c] = struct{}{}
	g.from[ip]++
	return c
}

func (g *gate) forget(c *conn, ip netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.all[c]; !ok {
		return
	}
	delete(g.all, c)
	if g.from[ip]--; g.from[ip] <= 0 {
		delete(g.from, ip)
	}
}

// Close stops accepting; connections stay.
func (g *gate) Close() error {
	g.once.Do(func() { close(g.closing) })
	return g.Listener.Close()
}

// drop closes every connection, or only those that have not logged in, for a reason.
func (g *gate) drop(strangers bool, why ending) {
	g.mu.Lock()
	var all []*conn
	for c := range g.all {
		if !strangers || c.session.Load() == nil {
			all = append(all, c)
		}
	}
	g.mu.Unlock()
	for _, c := range all {
		c.quit(why)
	}
}

// run serves each connection in a goroutine of its own until ctx ends or the listener fails. Then it calls bye, if there is one,
// closes every connection, and returns when the last goroutine has ended.
func (g *gate) run(ctx context.Context, serve func(context.Context, *conn), bye func()) error {
	ctx, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := g.Accept()
			if err != nil {
				ended <- err
				return
			}
			one := c.(*conn)
			one.again = work.Go
			work.Go(func() { serve(ctx, one) })
		}
	}()
	var err error
	select {
	case <-ctx.Done():
		_ = g.Close()
		<-ended
	case err = <-ended:
	}
	if bye != nil {
		bye()
	}
	g.drop(false, byShutdown)
	stop()
	work.Wait()
	return err
}

// open counts the sockets.
func (g *gate) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.all)
}

// addressOf is the peer's IP address; all unknown addresses share one count.
func addressOf(c net.Conn) netip.Addr {
	if a, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		return a.Addr().Unmap()
	}
	return netip.Addr{}
}
