package authority_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/authority"
)

const (
	year  = 365 * 24 * time.Hour
	meter = "04140001001"
)

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// leaf reads an issued certificate together with its key.
func leaf(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

func trust(t *testing.T, dir string) *authority.Trust {
	t.Helper()
	r, err := authority.NewTrust(read(t, dir, authority.CertFile), read(t, dir, authority.RevokedFile))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAnAuthorityIssuesAndRevokes: only a meter's certificate of this authority counts, while it lasts and until it is revoked. The list
// names each certificate and who ordered it. Every file is for its owner only, and nothing is overwritten.
func TestAnAuthorityIssuesAndRevokes(t *testing.T) {
	dir, out, now := filepath.Join(t.TempDir(), "ca"), t.TempDir(), time.Now()
	if _, err := authority.Create(dir, "Village", 10*year, now); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.Create(dir, "Village", year, now); !errors.Is(err, authority.ErrExists) {
		t.Errorf("a second authority in the folder: %v", err)
	}
	a, err := authority.Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	order := authority.Order{Kind: authority.Meter, Name: meter, Lasts: year, By: "amina"}
	issued, err := a.Issue(out, order)
	if err != nil {
		t.Fatal(err)
	}
	first := issued[0]
	if _, err := a.Issue(out, order); !errors.Is(err, authority.ErrExists) {
		t.Errorf("a second certificate over the first: %v", err)
	}
	long := order
	long.Name, long.Lasts = "04140001019", 11*year
	if _, err := a.Issue(out, long); !errors.Is(err, authority.ErrTooLong) {
		t.Errorf("a certificate that outlives its authority: %v", err)
	}
	if _, err := a.Issue(out, authority.Order{Kind: authority.Server, Name: "localhost", Hosts: []string{"localhost", "127.0.0.1"}, Lasts: year}); err != nil {
		t.Fatal(err)
	}
	other, err := authority.Create(filepath.Join(t.TempDir(), "other"), "Village", 10*year, now)
	if err != nil {
		t.Fatal(err)
	}
	foreign := t.TempDir()
	if _, err := other.Issue(foreign, authority.Order{Kind: authority.Meter, Name: meter, Lasts: year}); err != nil {
		t.Fatal(err)
	}
	before := trust(t, dir)
	for name, c := range map[string]struct {
		leaf *x509.Certificate
		at   time.Time
		want error
	}{
		"a meter's":             {leaf(t, out, meter), now, nil},
		"a meter's, run out":    {leaf(t, out, meter), now.Add(year + time.Minute), authority.ErrSigner},
		"a server's":            {leaf(t, out, "localhost"), now, authority.ErrSigner},
		"of another authority":  {leaf(t, foreign, meter), now, authority.ErrSigner},
		"the authority's own":   {a.Cert(), now, authority.ErrSigner},
		"a meter's, not so far": {leaf(t, out, meter), now.Add(-time.Hour), authority.ErrSigner},
	} {
		if err := before.Check(c.leaf, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s certificate: %v, want %v", name, err, c.want)
		}
	}
	revoked(t, a, first, dir, out)
	for _, d := range []string{dir, out} {
		entries, err := os.ReadDir(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
			}
		}
	}
}

// revoked revokes the meter's certificate, and checks the signed list and the list of certificates.
func revoked(t *testing.T, a *authority.Authority, first authority.Entry, dir, out string) {
	t.Helper()
	if _, err := a.Revoke("04140009999", "ben", "lost"); !errors.Is(err, authority.ErrUnknown) {
		t.Errorf("a certificate that does not exist was revoked: %v", err)
	}
	if ended, err := a.Revoke(meter, "ben", "stolen"); err != nil || len(ended) != 1 || ended[0].Serial != first.Serial {
		t.Fatalf("revoked %+v, %v", ended, err)
	}
	after := trust(t, dir)
	if err := after.Check(leaf(t, out, meter), time.Now()); !errors.Is(err, authority.ErrRevoked) {
		t.Errorf("a revoked certificate: %v", err)
	}
	if got := hex.EncodeToString(leaf(t, out, meter).SerialNumber.Bytes()); got != first.Serial {
		t.Errorf("serial number %s, the list says %s", got, first.Serial)
	}
	all, err := a.List()
	if err != nil || len(all) != 2 || all[0].By != "amina" || all[0].RevokedBy != "ben" || all[0].Reason != "stolen" || all[1].Revoked != nil {
		t.Errorf("list %+v, %v", all, err)
	}
}

// TestDamagedAuthorities: an authority with a foreign key, a foreign list of revoked certificates or an unreadable list does nothing.
func TestDamagedAuthorities(t *testing.T) {
	now := time.Now()
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	for _, dir := range []string{one, two} {
		if _, err := authority.Create(dir, "Village", year, now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := authority.NewTrust(read(t, one, authority.CertFile), read(t, two, authority.RevokedFile)); err == nil || !strings.Contains(err.Error(), "belongs to none of the authorities") {
		t.Errorf("a foreign list of revoked certificates: %v", err)
	}
	if _, err := authority.NewTrust([]byte("nothing"), nil); err == nil {
		t.Error("a file without a certificate is trusted")
	}
	a, err := authority.Open(one, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Issue(one, authority.Order{Kind: authority.Meter, Name: meter, Lasts: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.NewTrust(read(t, one, meter+".pem"), nil); err == nil {
		t.Error("a meter's certificate is trusted as an authority")
	}
	lock, err := os.OpenFile(filepath.Join(one, "ca.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if held, err := atomicfile.TryLock(lock); held || err != nil {
		t.Fatal(held, err)
	}
	if _, err := a.Revoke(meter, "", ""); !errors.Is(err, authority.ErrBusy) {
		t.Errorf("while another command is at work: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(one, "ca.key"), read(t, two, "ca.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.Open(one, now); err == nil || !strings.Contains(err.Error(), "does not belong") {
		t.Errorf("an authority with a foreign key: %v", err)
	}
}

// TestAnAuthorityGoesOnAfterAnInterruption: each command works again after one that was killed half-way or had no space.
func TestAnAuthorityGoesOnAfterAnInterruption(t *testing.T) {
	dir, out, now := filepath.Join(t.TempDir(), "ca"), t.TempDir(), time.Now()
	a, err := authority.Create(dir, "Village", 10*year, now)
	if err != nil {
		t.Fatal(err)
	}
	both := []authority.Order{{Kind: authority.Meter, Name: meter, Lasts: year, By: "amina"}, {Kind: authority.Meter, Name: "04140001019", Lasts: year, By: "amina"}}
	if err := os.WriteFile(filepath.Join(out, "04140001019.pem"), []byte("own"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Issue(out, both...); !errors.Is(err, authority.ErrExists) {
		t.Errorf("over a file that is there: %v", err)
	}
	if all, err := a.List(); len(all) != 0 || err != nil {
		t.Errorf("the list names %d certificates that were not issued, %v", len(all), err)
	}
	if left, err := os.ReadDir(out); len(left) != 1 || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
	if err := os.Remove(filepath.Join(out, "04140001019.pem")); err != nil {
		t.Fatal(err)
	}
	issued, err := a.Issue(out, both...)
	if err != nil || len(issued) != 2 {
		t.Fatalf("issued %v, %v", issued, err)
	}

	list := filepath.Join(dir, "issued.jsonl")
	whole := read(t, list)
	if err := os.WriteFile(list, append(whole, `{"serial":"0`...), 0o600); err != nil { // killed while it wrote a line
		t.Fatal(err)
	}
	if all, err := a.List(); len(all) != 2 || err != nil {
		t.Errorf("with an incomplete line the list has %d certificates, %v", len(all), err)
	}
	published := read(t, dir, authority.RevokedFile)
	if _, err := a.Revoke(meter, "ben", "stolen"); err != nil {
		t.Errorf("with an incomplete line nothing is revoked: %v", err)
	}
	if all, err := a.List(); len(all) != 2 || err != nil || all[0].Revoked == nil {
		t.Errorf("the list is %+v, %v", all, err)
	}
	if err := os.WriteFile(filepath.Join(dir, authority.RevokedFile), published, 0o600); err != nil { // killed between list and file
		t.Fatal(err)
	}
	ended, err := a.Revoke(meter, "ben", "stolen")
	if err != nil || len(ended) != 1 || ended[0].Serial != issued[0].Serial {
		t.Errorf("the same command again: %+v, %v", ended, err)
	}
	if err := trust(t, dir).Check(leaf(t, out, meter), now); !errors.Is(err, authority.ErrRevoked) {
		t.Errorf("a certificate that is revoked in the list: %v", err)
	}
	for _, what := range []string{meter, issued[0].Serial, "04140009999"} {
		if _, err := a.Revoke(what, "ben", "stolen"); !errors.Is(err, authority.ErrUnknown) {
			t.Errorf("%s once more: %v", what, err)
		}
	}
	if _, err := authority.Create(dir, "Village", year, now); !errors.Is(err, authority.ErrExists) {
		t.Errorf("a second authority in the folder: %v", err)
	}
	for _, f := range []string{authority.CertFile, authority.RevokedFile, "ca.key"} {
		if err := os.Remove(filepath.Join(dir, f)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := authority.Create(dir, "Village", year, now); !errors.Is(err, authority.ErrExists) {
		t.Errorf("an authority over the list of another: %v", err)
	}
}
