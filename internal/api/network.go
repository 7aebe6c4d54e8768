package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/refuse"
)

// Network says how requests reach the server. The zero value is a server without a proxy and without encryption, under any name.
type Network struct {
	// Proxies are the networks of the reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
	Proxies []netip.Prefix
	// Hosts are the names under which the server answers; empty for any name. This machine's own names are always accepted.
	Hosts []string
	// TLS says that the server itself encrypts.
	TLS bool
	// OwnMetrics says that /metrics has an address of its own, so that it is missing among the other paths.
	OwnMetrics bool
}

const (
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
	// hstsYear tells browsers to use only https for this host for a year. Browsers ignore it in answers without encryption.
	hstsYear = "max-age=31536000"
)

// Trusts reports whether an address belongs to a trusted proxy.
func (n Network) Trusts(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(n.Proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// direct returns the request as if it had come without the trusted proxies: RemoteAddr is the client's address. Headers that only a trusted
// proxy may set are removed from requests of other peers, so that every handler can believe them.
func (n Network) direct(r *http.Request) *http.Request {
	if n.Trusts(remoteOf(r)) {
		if chain := r.Header.Values(forwardedFor); len(chain) > 0 {
			r = r.Clone(r.Context())
			r.RemoteAddr = n.client(chain)
		}
		return r
	}
	if r.Header.Get(forwardedFor) != "" || r.Header.Get(forwardedProto) != "" {
		r = r.Clone(r.Context())
		r.Header.Del(forwardedFor)
		r.Header.Del(forwardedProto)
	}
	return r
}

// client finds the client in X-Forwarded-For: the last address that is not a trusted proxy's. Everything before it could be the client's
// own invention. If that entry is not an address, the result is empty, so that such clients share one limit.
func (n Network) client(chain []string) string {
	hops := strings.Split(strings.Join(chain, ","), ",")
	last := netip.Addr{}
	for _, hop := range slices.Backward(hops) {
		ip := hopAddress(strings.TrimSpace(hop))
		if !ip.IsValid() {
			return ""
		}
		if last = ip; !n.Trusts(ip) {
			break
		}
	}
	return netip.AddrPortFrom(last, 0).String()
}

// hopAddress reads an address with or without a port.
func hopAddress(text string) netip.Addr {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	ip, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}

// encrypted reports whether the client's connection is encrypted, to the server or to a trusted proxy.
func (n Network) encrypted(r *http.Request) bool {
	return n.TLS || strings.EqualFold(r.Header.Get(forwardedProto), "https")
}

// answersTo reports whether the server answers requests for this host.
func (n Network) answersTo(host string) bool {
	if len(n.Hosts) == 0 {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
	if ip, err := netip.ParseAddr(name); err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(name, "localhost") {
		return true
	}
	return slices.ContainsFunc(n.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// named refuses requests for a host name that is not the server's. A web page elsewhere could otherwise let its own name point to this
// server and read the answers. Checks of the server's health need no name.
func (a *API) named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if _, probe := probes[x.route]; !probe && !a.c.Network.answersTo(r.Host) {
			x.deny(w, r, refuse.RequestHostUnknown())
			return
		}
		next.ServeHTTP(w, r)
	})
}
