package api

import (
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/paywatt/paywatt/internal/listen"
)

// Limits of open connections. The meters' listener has the same limits (docs/reference/http.md#limits).
const (
	maxConnections = 20_000
	maxPerAddress  = 1000 // loopback and trusted proxies have no limit
)

// connections counts open connections and closes those above the limits at once, without an answer. If one of them has not signed in, that
// one ends instead.
type connections struct {
	max, perAddress int
	trusted         func(netip.Addr) bool

	mu   sync.Mutex
	all  map[net.Conn]netip.Addr
	from map[netip.Addr]int
}

func newConnections(max, perAddress int, trusted func(netip.Addr) bool) *connections {
	return &connections{max: max, perAddress: perAddress, trusted: trusted, all: map[net.Conn]netip.Addr{}, from: map[netip.Addr]int{}}
}

// state is the http.Server's ConnState.
func (c *connections) state(conn net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		if !c.admit(conn) {
			_ = conn.Close() // the server notices this and forgets the connection
		}
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
	}
}

func (c *connections) admit(conn net.Conn) bool {
	peer := addressOf(conn)
	ip := network(peer)
	c.mu.Lock()
	defer c.mu.Unlock()
	full := len(c.all) >= c.max
	shared := !ip.IsLoopback() && !c.trusted(peer) && c.from[ip] >= c.perAddress
	if (full || shared) && !listen.Of(conn).Displace(shared) {
		return false
	}
	c.all[conn] = ip
	c.from[ip]++
	return true
}

func (c *connections) forget(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ip, known := c.all[conn]
	if !known {
		return
	}
	delete(c.all, conn)
	if c.from[ip]--; c.from[ip] <= 0 {
		delete(c.from, ip)
	}
}

func addressOf(conn net.Conn) netip.Addr {
	a, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{} // connections without an address share one count
	}
	return a.Addr()
}
