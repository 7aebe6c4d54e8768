package access_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// used is a key that was last used at a time.
func used(k access.Key, at time.Time) access.Key {
	k.UsedAt = at
	return k
}

func TestNetworksOfAKey(t *testing.T) {
	for _, c := range []struct {
		texts   []string
		stored  access.Networks
		allowed string
		refused string
	}{
		{nil, "", "203.0.113.9", ""},
		{[]string{"10.1.2.3/8", " 192.0.2.7 ", "10.0.0.0/8"}, "10.0.0.0/8,192.0.2.7/32", "10.255.0.1", "192.0.2.8"},
		{[]string{"192.0.2.7"}, "192.0.2.7/32", "::ffff:192.0.2.7", "2001:db8::1"},
		{[]string{"2001:db8::/32"}, "2001:db8::/32", "2001:db8:1::7", "192.0.2.7"},
	} {
		n, no := access.ParseNetworks(c.texts)
		if no.Refused() || n != c.stored || !n.Allow(netip.MustParseAddr(c.allowed)) || c.refused != "" && n.Allow(netip.MustParseAddr(c.refused)) {
			t.Errorf("%q: %q, %s", c.texts, n, no.Detail())
		}
	}
	for _, bad := range [][]string{{""}, {"10.0.0.0/33"}, {"fe80::1%eth0"}, {"::ffff:10.0.0.0/104"}, {"example.org"}, make([]string, 17)} {
		if n, no := access.ParseNetworks(bad); no.Code != refusal.InvalidRequest || n != "" {
			t.Errorf("%q gives %q, %q", bad, n, no.Code)
		}
	}
	if access.Networks("broken").Allow(netip.MustParseAddr("192.0.2.7")) {
		t.Error("a broken text allows an address")
	}
}

func TestAKeyWorksOnlyFromItsNetworks(t *testing.T) {
	w := newWorld(t)
	secret := w.key(t, boss(), access.NewKey{Role: access.Operator, From: []string{"192.0.2.0/24"}}).Secret.Reveal()
	for from, want := range map[string]refusal.Code{"192.0.2.9": "", "198.51.100.1": refusal.Forbidden, "": refusal.Forbidden} {
		addr, _ := netip.ParseAddr(from) // the zero address for none
		if k, err := w.ByAPIKey(t.Context(), secret, addr); err != nil || k.Code != want {
			t.Errorf("from %q: %q, %v, want %q", from, k.Code, err, want)
		}
	}
}

// TestAKeyIsReplacedWithOverlap: the new key is like the old one, which ends after the overlap.
func TestAKeyIsReplacedWithOverlap(t *testing.T) {
	w := newWorld(t)
	old := w.key(t, boss(), access.NewKey{Role: access.Operator, Name: "till3", From: []string{"192.0.2.7"}, ExpiresAt: w.now.Add(48 * time.Hour)})
	w.now = w.now.Add(time.Hour)
	made, err := w.RotateAPIKey(t.Context(), boss(), old.Key.ID, 2*time.Hour)
	if err != nil || made.Refused() {
		t.Fatal(err, made.Detail())
	}
	want := old.Key
	want.ID, want.CreatedAt, want.ExpiresAt = made.Key.ID, w.now, w.now.Add(48*time.Hour)
	if made.Key != want {
		t.Errorf("the new key is %+v, want %+v", made.Key, want)
	}
	at := netip.MustParseAddr("192.0.2.7")
	works := func() (out [2]bool) {
		for i, s := range []access.Secret{old.Secret, made.Secret} {
			k, err := w.ByAPIKey(t.Context(), s.Reveal(), at)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = !k.Refused()
		}
		return out
	}
	for after, want := range map[time.Duration][2]bool{0: {true, true}, 2*time.Hour - time.Microsecond: {true, true}, 2 * time.Hour: {false, true}} {
		now := w.now
		w.now = now.Add(after)
		if got := works(); got != want {
			t.Errorf("after %s the old and the new key work: %v, want %v", after, got, want)
		}
		w.now = now
	}
	w.now = w.now.Add(2 * time.Hour)
	for name, c := range map[string]struct {
		by      access.Actor
		key     id.ID
		overlap time.Duration
		want    refusal.Code
	}{
		"a key that has ended":    {boss(), old.Key.ID, 0, refusal.NotFound},
		"no key":                  {boss(), id.ID{1}, 0, refusal.NotFound},
		"too long":                {boss(), made.Key.ID, access.MaxOverlap + 1, refusal.InvalidRequest},
		"before now":              {boss(), made.Key.ID, -1, refusal.InvalidRequest},
		"another person's":        {finance(), made.Key.ID, 0, refusal.Forbidden},
		"another, without rights": {access.Actor{Tenant: 1, Kind: access.APIKey, ID: id.ID{9}, Role: access.Operator}, made.Key.ID, 0, refusal.Forbidden},
		"itself, without rights":  {made.Key.Actor(), made.Key.ID, time.Hour, refusal.Forbidden},
	} {
		if k, err := w.RotateAPIKey(t.Context(), c.by, c.key, c.overlap); err != nil || k.Code != c.want {
			t.Errorf("%s: %q, %v, want %q", name, k.Code, err, c.want)
		}
	}
}
