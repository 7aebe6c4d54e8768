package access

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Networks are the networks from which an API key may be used, as text: prefixes in canonical form, separated by commas. The empty text
// means every address.
type Networks string

// maxNetworks is the largest number of networks of a key.
const maxNetworks = 16

// ParseNetworks reads addresses and networks such as 192.0.2.7, 10.0.0.0/8 and 2001:db8::/32.
func ParseNetworks(texts []string) (Networks, refusal.Refusal) {
	var out []string
	for _, text := range texts {
		text = strings.TrimSpace(text)
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil && a.Zone() == "" {
				p, err = a.Unmap().Prefix(a.Unmap().BitLen())
			}
		}
		if err != nil || !p.IsValid() || p.Addr().Is4In6() {
			return "", refuse.KeyNetworkOfWrongForm(refusal.Echo(text))
		}
		out = append(out, p.Masked().String())
	}
	if len(out) > maxNetworks {
		return "", refuse.KeyNetworksTooMany(maxNetworks)
	}
	slices.Sort(out)
	return Networks(strings.Join(slices.Compact(out), ",")), refusal.Refusal{}
}

// Allow reports whether an address is in one of the networks. A stored text that cannot be read allows no address.
func (n Networks) Allow(from netip.Addr) bool {
	if n == "" {
		return true
	}
	for text := range strings.SplitSeq(string(n), ",") {
		if p, err := netip.ParsePrefix(text); err == nil && p.Contains(from.Unmap()) {
			return true
		}
	}
	return false
}

// List returns the networks one by one.
func (n Networks) List() []string {
	if n == "" {
		return []string{}
	}
	return strings.Split(string(n), ",")
}
