package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// parseNetwork reads a network such as 10.0.0.0/24, or one address.
func parseNetwork(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		ip = ip.Unmap().WithZone("")
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("is %q, want a network such as 10.0.0.0/24, or one address", text)
	}
	if p.Bits() == 0 {
		return netip.Prefix{}, fmt.Errorf("is %q, which is every address: name only the proxies", text)
	}
	return p.Masked(), nil
}

// Proxies returns the networks of the trusted reverse proxies; Merge has checked them before.
func (c Config) Proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range c.List(TrustedProxy) {
		if p, err := parseNetwork(text); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// hostName says what is wrong with a host name or IP address without a port.
func hostName(text string) error {
	if _, err := netip.ParseAddr(text); err == nil {
		return nil
	}
	if text == "" || strings.ContainsAny(text, "/:*@ ") {
		return fmt.Errorf("is %q, want a name such as pay.example.org, without a port and without https://", text)
	}
	return nil
}

// checkServerName checks the name of a server, which people read beside its alarms.
func checkServerName(text string) error {
	other := strings.IndexFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_", r)
	})
	if len(text) > maxServerName || other >= 0 {
		return fmt.Errorf("is %q, want at most %d letters, digits, dots, dashes and underscores", text, maxServerName)
	}
	return nil
}

const maxServerName = 63

// CheckPlain says which listeners would accept connections from other machines without encryption although no setting allows it.
// The listeners of mqtt_legacy are not among them: their devices know no encryption, and the setting itself says so.
func (c Config) CheckPlain() error {
	if c.Text(TLSCert) != "" {
		return nil
	}
	var errs []error
	for _, l := range []struct{ key, allowed string }{{HTTP, PlainHTTP}, {Metrics, PlainHTTP}, {MQTT, PlainMQTT}, {MQTTIntegration, PlainMQTT}} {
		if addr := c.Text(l.key); addr != "" && !loopback(addr) && !c.On(l.allowed) {
			s, _ := Find(l.allowed)
			err := fmt.Errorf("%w %s is %s, which other machines can reach, and the connection would not be encrypted. Give tls_cert and tls_key, or --%s if the network is yours alone",
				ErrSetting, l.key, addr, s.FlagName())
			if c.values[l.key].Origin == File {
				err = inFile(l.key, err)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// loopback reports whether only this machine reaches an address. It resolves no names.
func loopback(addr string) bool {
	host := strings.Trim(addr[:max(strings.LastIndex(addr, ":"), 0)], "[]")
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}
