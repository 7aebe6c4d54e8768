package reach_test

import (
	"net/netip"
	"testing"

	"github.com/paywatt/paywatt/internal/reach"
)

// TestTheRegistriesOfSpecialAddresses has each entry of IANA's registries of special-purpose addresses for IPv4 and IPv6 (as of October 2024, RFC 9637
// and RFC 9602), and the services of clouds. The first and the last address of each are judged.
func TestTheRegistriesOfSpecialAddresses(t *testing.T) {
	for _, c := range []struct {
		block string
		want  reach.Kind
		what  string
	}{
		{"0.0.0.0/8", reach.Inside, "this network"},
		{"0.0.0.0/32", reach.Inside, "this host on this network"},
		{"10.0.0.0/8", reach.Inside, "private use"},
		{"100.64.0.0/10", reach.Inside, "shared address space"},
		{"127.0.0.0/8", reach.Inside, "loopback"},
		{"169.254.0.0/16", reach.Inside, "link local"},
		{"172.16.0.0/12", reach.Inside, "private use"},
		{"192.0.0.0/24", reach.Inside, "IETF protocol assignments"},
		{"192.0.0.0/29", reach.Inside, "IPv4 service continuity prefix"},
		{"192.0.0.8/32", reach.Inside, "IPv4 dummy address"},
		{"192.0.0.9/32", reach.Inside, "port control protocol anycast"},
		{"192.0.0.10/32", reach.Inside, "TURN anycast"},
		{"192.0.0.170/31", reach.Inside, "NAT64/DNS64 discovery"},
		{"192.0.2.0/24", reach.Inside, "documentation"},
		{"192.31.196.0/24", reach.Public, "AS112-v4"},
		{"192.52.193.0/24", reach.Public, "AMT"},
		{"192.88.99.0/24", reach.Inside, "6to4 relay anycast"},
		{"192.168.0.0/16", reach.Inside, "private use"},
		{"192.175.48.0/24", reach.Public, "direct delegation AS112 service"},
		{"198.18.0.0/15", reach.Inside, "benchmarking"},
		{"198.51.100.0/24", reach.Inside, "documentation"},
		{"203.0.113.0/24", reach.Inside, "documentation"},
		{"224.0.0.0/4", reach.Never, "multicast"},
		{"240.0.0.0/4", reach.Inside, "reserved"},
		{"255.255.255.255/32", reach.Inside, "limited broadcast"},

		{"::1/128", reach.Inside, "loopback"},
		{"::/128", reach.Inside, "unspecified"},
		{"::2/127", reach.Never, "IPv4-compatible"},
		{"::127.0.0.1/128", reach.Never, "IPv4-compatible"},
		{"::ffff:0:0/96", reach.Never, "IPv4-mapped"},
		{"::ffff:1.1.1.1/128", reach.Never, "IPv4-mapped"},
		{"::ffff:0:0:0/96", reach.Never, "IPv4-translated"},
		{"64:ff9b::/96", reach.Never, "IPv4-IPv6 translation"},
		{"64:ff9b:1::/48", reach.Never, "local-use IPv4-IPv6 translation"},
		{"100::/64", reach.Inside, "discard only"},
		{"100:0:0:1::/64", reach.Inside, "dummy prefix"},
		{"2001::/32", reach.Never, "Teredo"},
		{"2001:1::1/128", reach.Inside, "port control protocol anycast"},
		{"2001:1::2/128", reach.Inside, "TURN anycast"},
		{"2001:1::3/128", reach.Inside, "DNS-SD SRP anycast"},
		{"2001:2::/48", reach.Inside, "benchmarking"},
		{"2001:3::/32", reach.Inside, "AMT"},
		{"2001:4:112::/48", reach.Inside, "AS112-v6"},
		{"2001:10::/28", reach.Inside, "ORCHID"},
		{"2001:20::/28", reach.Inside, "ORCHIDv2"},
		{"2001:30::/28", reach.Inside, "drone remote identification"},
		{"2001:db8::/32", reach.Inside, "documentation"},
		{"2002::/16", reach.Never, "6to4"},
		{"2620:4f:8000::/48", reach.Public, "direct delegation AS112 service"},
		{"3fff::/20", reach.Inside, "documentation"},
		{"5f00::/16", reach.Inside, "segment routing"},
		{"fc00::/7", reach.Inside, "unique local"},
		{"fe80::/10", reach.Inside, "link local"},
		{"fec0::/10", reach.Inside, "site local"},
		{"ff00::/8", reach.Never, "multicast"},

		{"169.254.169.254/32", reach.Never, "metadata of most clouds"},
		{"169.254.170.2/32", reach.Never, "credentials of AWS tasks"},
		{"169.254.170.23/32", reach.Never, "credentials of AWS pods"},
		{"fd00:ec2::254/128", reach.Never, "metadata of AWS"},
		{"fd00:ec2::23/128", reach.Never, "credentials of AWS pods"},
		{"fd20:ce::254/128", reach.Never, "metadata of Google"},
		{"168.63.129.16/32", reach.Never, "metadata of Azure"},
		{"100.100.100.200/32", reach.Never, "metadata of Alibaba"},
		{"192.0.0.192/32", reach.Never, "metadata of Oracle"},
		{"169.254.42.42/32", reach.Never, "metadata of Scaleway"},

		{"1.1.1.1/32", reach.Public, "a host"},
		{"100.63.255.255/32", reach.Public, "before shared address space"},
		{"100.128.0.0/32", reach.Public, "after shared address space"},
		{"172.32.0.0/32", reach.Public, "after private use"},
		{"168.63.129.17/32", reach.Public, "beside the metadata of Azure"},
		{"2606:4700::1111/128", reach.Public, "a host"},
	} {
		block := netip.MustParsePrefix(c.block)
		for _, a := range []netip.Addr{block.Addr(), last(block)} {
			if got := reach.KindOf(a); got != c.want {
				t.Errorf("%s (%s, %s) is of kind %d, want %d", a, c.block, c.what, got, c.want)
			}
		}
	}
	if reach.KindOf(netip.Addr{}) != reach.Never {
		t.Error("no address is an address")
	}
	if reach.KindOf(netip.MustParseAddr("fe80::1%eth0")) != reach.Inside {
		t.Error("an address of a link is not inside")
	}
}

// last is the last address of a block.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func TestWhatAReachAllows(t *testing.T) {
	public, inside, never := "1.1.1.1", "127.0.0.1", "169.254.169.254"
	for _, c := range []struct {
		reach reach.Reach
		host  string
		want  error
	}{
		{reach.Nowhere, public, reach.ErrNowhere}, {reach.Nowhere, inside, reach.ErrNowhere}, {reach.Nowhere, never, reach.ErrNowhere},
		{reach.Internet, public, nil}, {reach.Internet, inside, reach.ErrPrivate}, {reach.Internet, never, reach.ErrNever},
		{reach.Anywhere, public, nil}, {reach.Anywhere, inside, nil}, {reach.Anywhere, never, reach.ErrNever},
		{reach.Internet, "example.org", nil}, // judged when it is resolved
	} {
		if got := c.reach.CheckHost(c.host); got != c.want {
			t.Errorf("reach %d, %s: %v, want %v", c.reach, c.host, got, c.want)
		}
	}
}
