// Package dial connects the server to other machines. Every call of the server goes through it: to payment providers, webhooks, gateways for
// text messages and printers. It judges each address after its name was resolved, at the moment when it is dialled, so a name that changes its
// address meanwhile does not help. What it judges is in [reach.KindOf].
package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/paywatt/paywatt/internal/reach"
)

// Dialer dials what its reach allows.
type Dialer struct {
	reach reach.Reach
	net   net.Dialer
}

// New makes a dialer. The resolver may be nil for the system's.
func New(r reach.Reach, timeout time.Duration, resolver *net.Resolver) *Dialer {
	d := &Dialer{reach: r, net: net.Dialer{Timeout: timeout, Resolver: resolver}}
	d.net.Control = func(_, address string, _ syscall.RawConn) error { return checkPort(r, address) }
	return d
}

// checkPort judges an address with a port, which was resolved.
func checkPort(r reach.Reach, address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", reach.ErrNever, address)
	}
	return r.Check(to.Addr())
}

// DialContext connects to an address such as example.org:443. An address that is written as a number is judged as it is written, because the
// system would dial another one for some of them.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.reach == reach.Nowhere {
		return nil, &net.OpError{Op: "dial", Net: network, Err: reach.ErrNowhere}
	}
	if host, _, err := net.SplitHostPort(address); err == nil {
		if err := d.reach.CheckHost(host); err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
	}
	return d.net.DialContext(ctx, network, address)
}

// Dial connects to an address, by TLS if conf is not nil.
func (d *Dialer) Dial(ctx context.Context, address string, conf *tls.Config) (net.Conn, error) {
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil || conf == nil {
		return c, err
	}
	if conf.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			host = address
		}
		conf = conf.Clone()
		conf.ServerName = host
	}
	e := tls.Client(c, conf)
	if err := e.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return e, nil
}

// maxHeader is how many bytes the header of an answer may have. Without it Go reads 10 MB.
const maxHeader = 64 << 10

// Transport returns the transport of an HTTP client. It uses no proxy.
func (d *Dialer) Transport() *http.Transport {
	return &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: d.net.Timeout, MaxResponseHeaderBytes: maxHeader}
}

// ProxiedTransport is a transport that uses the proxies of the environment. They may be anywhere, because who starts the server names them. A proxy
// resolves names itself, so only an address that is written as a number can be judged.
func (d *Dialer) ProxiedTransport() *http.Transport {
	t := d.Transport()
	proxies := New(reach.Anywhere, d.net.Timeout, d.net.Resolver)
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		proxy, err := http.ProxyFromEnvironment(r)
		if proxy == nil || err != nil {
			return nil, err
		}
		if d.reach == reach.Nowhere {
			return nil, reach.ErrNowhere
		}
		return proxy, d.reach.CheckHost(r.URL.Hostname())
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if isProxy(address) {
			return proxies.DialContext(ctx, network, address)
		}
		return d.DialContext(ctx, network, address)
	}
	return t
}

// isProxy reports whether an address is that of a proxy of the environment.
func isProxy(address string) bool {
	for _, scheme := range []string{"http", "https"} {
		proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: scheme, Host: "proxied.invalid"}})
		if err != nil || proxy == nil {
			continue
		}
		port := proxy.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[proxy.Scheme]
		}
		if address == net.JoinHostPort(proxy.Hostname(), port) {
			return true
		}
	}
	return false
}
