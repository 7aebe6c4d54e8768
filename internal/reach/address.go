// Package reach says which addresses the server may call. It is the only judgement of addresses for payment providers, webhooks, gateways and
// printers; package dial asks it about each address that it dials.
package reach

import (
	"errors"
	"net/netip"
)

// Reach is which addresses may be called.
type Reach int

// The reaches.
const (
	Nowhere  Reach = iota // none
	Internet              // the public internet
	Anywhere              // also this machine and private networks: they stand in the settings, or somebody has allowed it
)

// Errors of addresses that may not be called. Nothing was sent.
var (
	ErrNowhere = errors.New("it has not been approved, so the server does not call it")
	ErrPrivate = errors.New("the address is private, and private addresses are not allowed")
	ErrNever   = errors.New("the address belongs to a cloud's own service or stands for another address, so the server never calls it")
)

// Check says why an address may not be called, or returns nil.
func (r Reach) Check(a netip.Addr) error {
	kind := KindOf(a)
	switch {
	case r == Nowhere:
		return ErrNowhere
	case kind == Never:
		return ErrNever
	case kind == Inside && r != Anywhere:
		return ErrPrivate
	}
	return nil
}

// CheckHost judges a host that is written as an address. A name is judged when it has been resolved.
func (r Reach) CheckHost(host string) error {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	return r.Check(a)
}

// Kind is where an address leads.
type Kind int

// The kinds of addresses.
const (
	Public Kind = iota // another machine of the public internet
	Inside             // this machine, its networks, or what the public internet does not route; it needs permission
	Never              // nothing that the server has to call: see [KindOf]
)

// KindOf returns where an address leads. Never are the services of cloud providers that give credentials to whoever asks from inside, and
// addresses of IPv6 that stand for an address of IPv4 which the check would not see. The special ranges are those of the registries of IANA
// (iana-ipv4-special-registry, iana-ipv6-special-registry).
func KindOf(a netip.Addr) Kind {
	a = a.WithZone("")
	switch {
	case !a.IsValid(), a.Is4In6(), a.IsMulticast():
		return Never
	case a.IsUnspecified(), a.IsLoopback():
		return Inside
	case within(a, translated()), within(a, metadata()):
		return Never
	case a.IsPrivate(), a.IsLinkLocalUnicast(), within(a, special()):
		return Inside
	}
	return Public
}

func within(a netip.Addr, ranges []netip.Prefix) bool {
	for _, r := range ranges {
		if r.Contains(a) {
			return true
		}
	}
	return false
}

// metadata are the services inside clouds that tell secrets of the machine.
func metadata() []netip.Prefix {
	return prefixes(
		"169.254.169.254/32", // most clouds
		"169.254.170.2/32",   // AWS, tasks
		"169.254.170.23/32",  // AWS, pods
		"fd00:ec2::/32",      // AWS
		"fd20:ce::254/128",   // Google
		"168.63.129.16/32",   // Azure
		"100.100.100.200/32", // Alibaba
		"192.0.0.192/32",     // Oracle
		"169.254.42.42/32",   // Scaleway
		"fd00:42::42/128",    // Scaleway
	)
}

// translated are the ranges of IPv6 whose addresses a gateway or this machine turns into an address of IPv4.
func translated() []netip.Prefix {
	return prefixes(
		"::ffff:0:0:0/96", // IPv4-translated (RFC 2765)
		"64:ff9b::/96", "64:ff9b:1::/48",
		"2001::/32", // Teredo
		"2002::/16", // 6to4
		"::/96",     // IPv4-compatible; :: and ::1 are this machine
	)
}

// special are the other ranges that do not lead to a machine of the public internet.
func special() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
	)
}

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(all))
	for _, text := range all {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}
