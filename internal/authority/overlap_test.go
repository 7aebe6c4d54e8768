package authority_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/authority"
)

// village is an authority that has issued a meter's certificate.
type village struct {
	*authority.Authority
	dir, out string
}

func newVillage(t *testing.T, name string, now time.Time) *village {
	t.Helper()
	v := &village{dir: filepath.Join(t.TempDir(), "ca"), out: t.TempDir()}
	var err error
	if v.Authority, err = authority.Create(v.dir, name, 10*year, now); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Issue(v.out, authority.Order{Kind: authority.Meter, Name: meter, Lasts: year}); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestTwoAuthoritiesCountDuringAnOverlap: several authorities in one file count, each with its own list in one file of lists.
func TestTwoAuthoritiesCountDuringAnOverlap(t *testing.T) {
	now := time.Now()
	first, second, third := newVillage(t, "Village", now), newVillage(t, "Village", now), newVillage(t, "Third", now)
	authorities := append(read(t, first.dir, authority.CertFile), read(t, second.dir, authority.CertFile)...)
	lists := func() []byte {
		return append(read(t, first.dir, authority.RevokedFile), read(t, second.dir, authority.RevokedFile)...)
	}
	both, err := authority.NewTrust(authorities, lists())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		of   *village
		want error
	}{"the first": {first, nil}, "the second": {second, nil}, "another": {third, authority.ErrSigner}} {
		if err := both.Check(leaf(t, c.of.out, meter), now); !errors.Is(err, c.want) {
			t.Errorf("a certificate of %s authority: %v, want %v", name, err, c.want)
		}
	}
	if _, err := second.Revoke(meter, "ben", "stolen"); err != nil {
		t.Fatal(err)
	}
	after, err := both.WithLists(lists())
	if err != nil {
		t.Fatal(err)
	}
	if err := after.Check(leaf(t, second.out, meter), now); !errors.Is(err, authority.ErrRevoked) {
		t.Errorf("revoked in the second list of the file: %v", err)
	}
	if err := after.Check(leaf(t, first.out, meter), now); err != nil {
		t.Errorf("the first authority's certificate of the same meter: %v", err)
	}
	if m := after.Members(); len(m) != 2 || m[0].Revoked != 0 || m[1].Revoked != 1 || m[0].Name == m[1].Name {
		t.Errorf("members %+v", m)
	}
}

// TestFilesOfAuthoritiesAreReadWhole: no block of a file is left out without a word.
func TestFilesOfAuthoritiesAreReadWhole(t *testing.T) {
	now := time.Now()
	first, second := newVillage(t, "Village", now), newVillage(t, "Second", now)
	ca, list := read(t, first.dir, authority.CertFile), read(t, first.dir, authority.RevokedFile)
	other, foreign := read(t, second.dir, authority.CertFile), read(t, second.dir, authority.RevokedFile)
	half := func(b []byte) []byte { return b[:len(b)/2] }
	for name, c := range map[string]struct {
		ca, lists []byte
		want      string
	}{
		"a key in the file of the authorities":   {bytes.Join([][]byte{ca, read(t, first.dir, "ca.key")}, nil), list, `block 2 is "PRIVATE KEY"`},
		"half a second authority":                {append(bytes.Clone(ca), half(other)...), list, "1 of 2 blocks are not complete"},
		"a meter's certificate as the second":    {append(bytes.Clone(ca), read(t, first.out, meter+".pem")...), list, "is not one of an authority"},
		"a second authority without a list":      {append(bytes.Clone(ca), other...), list, authority.ErrNoList.Error()},
		"a list of an authority that is missing": {ca, append(bytes.Clone(list), foreign...), "belongs to none of the authorities"},
		"half a second list":                     {append(bytes.Clone(ca), other...), append(bytes.Clone(list), half(foreign)...), "1 of 2 blocks are not complete"},
		"two lists of one authority":             {ca, append(bytes.Clone(list), list...), "two lists"},
		"a list without an end":                  {ca, half(list), "not complete"},
	} {
		if _, err := authority.NewTrust(c.ca, c.lists); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestAnOldListNeverReturns: not at once, and not after another authority was in use for a moment.
func TestAnOldListNeverReturns(t *testing.T) {
	now := time.Now()
	first, second := newVillage(t, "Village", now), newVillage(t, "Second", now)
	ca, old := read(t, first.dir, authority.CertFile), read(t, first.dir, authority.RevokedFile)
	if _, err := first.Revoke(meter, "ben", "stolen"); err != nil {
		t.Fatal(err)
	}
	in := trust(t, first.dir)
	if _, err := in.WithLists(old); !errors.Is(err, authority.ErrOlder) {
		t.Errorf("the old list at once: %v", err)
	}
	for _, step := range []struct{ ca, lists []byte }{
		{read(t, second.dir, authority.CertFile), read(t, second.dir, authority.RevokedFile)},
		{ca, nil},
	} {
		var err error
		if in, err = in.WithAuthorities(step.ca); err != nil {
			t.Fatal(err)
		}
		if step.lists != nil {
			if in, err = in.WithLists(step.lists); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := in.WithLists(old); !errors.Is(err, authority.ErrOlder) {
		t.Errorf("the old list by way of another authority: %v", err)
	}
	if err := in.Check(leaf(t, first.out, meter), now); !errors.Is(err, authority.ErrRevoked) {
		t.Errorf("revoked, while no newer list is there: %v", err)
	}
}

// TestServersHaveNamesAndAddresses: what no client compares with the name that it connects to is refused, and nothing is issued.
func TestServersHaveNamesAndAddresses(t *testing.T) {
	v := newVillage(t, "Village", time.Now())
	longest := strings.Repeat("a.", 126) + "a" // 253 characters
	for host, want := range map[string]bool{
		longest: true, longest + "a": false,
		"pay.example.org": true, "pay": true, "*.example.org": true, "10.0.0.5": true, "2001:db8::5": true, "xn--bcher-kva.example": true,
		"https://pay.example.org": false, "pay.example.org:8443": false, "10.0.0.5:8883": false, "10.0.0.0/8": false, "pay example.org": false,
		" pay.example.org": false, "": false, "[2001:db8::5]": false, "10.0.0.300": false, "pay.example.org/": false, "a..b": false, "-a.b": false,
		"bücher.example": false, "pay_1.example": false, "*": false, "a.*.b": false, "pay.example.org\n": false,
	} {
		out := t.TempDir()
		_, err := v.Issue(out, authority.Order{Kind: authority.Server, Name: "server", Hosts: []string{"pay.example.org", host}, Lasts: year})
		if want && err != nil || !want && !errors.Is(err, authority.ErrHost) {
			t.Errorf("%q: %v, want it taken: %t", host, err, want)
		}
	}
	if all, err := v.List(); err != nil || len(all) != 8 {
		t.Errorf("the list has %d certificates, %v; want the meter's and 7 of servers", len(all), err)
	}
}

// TestOneMeterNamedTwice: one of two certificates for the same files is not issued while the command says that none is.
func TestOneMeterNamedTwice(t *testing.T) {
	v := newVillage(t, "Village", time.Now())
	out, order := t.TempDir(), authority.Order{Kind: authority.Meter, Name: "04140001019", Lasts: year}
	if _, err := v.Issue(out, order, order); !errors.Is(err, authority.ErrTwice) {
		t.Errorf("one meter named twice: %v", err)
	}
	if all, err := v.List(); err != nil || len(all) != 1 {
		t.Errorf("the list has %d certificates, %v; want 1", len(all), err)
	}
}

// TestSerialNumbersAsOtherProgramsWriteThem: colons and capital letters, as openssl prints them, name the same certificate.
func TestSerialNumbersAsOtherProgramsWriteThem(t *testing.T) {
	v := newVillage(t, "Village", time.Now())
	all, err := v.List()
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for i := 0; i < len(all[0].Serial); i += 2 {
		pairs = append(pairs, all[0].Serial[i:i+2])
	}
	if ended, err := v.Revoke(strings.ToUpper(strings.Join(pairs, ":")), "ben", "stolen"); err != nil || len(ended) != 1 {
		t.Errorf("revoked %+v, %v", ended, err)
	}
}
