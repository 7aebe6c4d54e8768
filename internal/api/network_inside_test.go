package api

import (
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestOnlyATrustedProxySaysWhereARequestCameFrom also checks that invented entries before the client's own address change nothing.
func TestOnlyATrustedProxySaysWhereARequestCameFrom(t *testing.T) {
	n := Network{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::/8")}}
	for _, c := range []struct {
		peer, proto, want string
		encrypted         bool
		chain             []string
	}{
		{peer: "192.0.2.1:4", chain: nil, want: "192.0.2.1"},
		{peer: "192.0.2.1:4", proto: "https", chain: []string{"127.0.0.1"}, want: "192.0.2.1"},
		{peer: "10.0.0.5:4", proto: "https", encrypted: true, chain: []string{"198.51.100.7"}, want: "198.51.100.7"},
		{peer: "[::ffff:10.0.0.5]:4", chain: []string{"198.51.100.7:5555"}, want: "198.51.100.7"},
		{peer: "[fd00::1]:4", chain: []string{"[2001:db8::9]:5"}, want: "2001:db8::9"},
		{peer: "10.0.0.5:4", chain: []string{"127.0.0.1, 198.51.100.7"}, want: "198.51.100.7"},
		{peer: "10.0.0.5:4", chain: []string{"127.0.0.1, 198.51.100.7", "10.0.0.9"}, want: "198.51.100.7"},
		{peer: "10.0.0.5:4", chain: []string{"10.0.0.8, 10.0.0.9"}, want: "10.0.0.8"},
		{peer: "10.0.0.5:4", chain: []string{"127.0.0.1, unknown"}, want: "invalid IP"},
		{peer: "10.0.0.5:4", chain: nil, want: "10.0.0.5"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.chain
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		got := n.direct(r)
		if ip := remoteOf(got).Unmap().String(); ip != c.want || n.encrypted(got) != c.encrypted {
			t.Errorf("%s with %v: got %s, encrypted %t, want %s, %t", c.peer, c.chain, ip, n.encrypted(got), c.want, c.encrypted)
		}
	}
}

func TestTheServerAnswersUnderItsOwnNamesOnly(t *testing.T) {
	n := Network{Hosts: []string{"pay.example.org", "192.0.2.9"}}
	for host, want := range map[string]bool{"pay.example.org": true, "PAY.example.org:8443": true, "pay.example.org.": true, "192.0.2.9:80": true,
		"localhost:8080": true, "127.0.0.1:8080": true, "[::1]:8080": true, "example.org": false, "pay.example.org.evil.test": false, "192.0.2.8": false, "": false} {
		if n.answersTo(host) != want {
			t.Errorf("%q: got %t, want %t", host, !want, want)
		}
	}
	if !(Network{}).answersTo("anything") {
		t.Error("without a list a name was refused")
	}
}
