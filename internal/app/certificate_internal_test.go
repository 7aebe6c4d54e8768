package app

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/metering"
)

const certifiedMeter = "04140001001"

// certified is a server's certificate in files, with the authority of its meters.
type certified struct {
	*certificate
	t      *testing.T
	ca     *authority.Authority
	caDir  string
	out    string
	config Config
}

func newCertified(t *testing.T) *certified {
	t.Helper()
	s := &certified{t: t, caDir: filepath.Join(t.TempDir(), "ca"), out: t.TempDir()}
	var err error
	if s.ca, err = authority.Create(s.caDir, "Village", 1000*time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	s.issue(s.out, authority.Server, "server")
	s.issue(s.out, authority.Meter, certifiedMeter)
	s.config = Config{Data: t.TempDir(), TLSCert: filepath.Join(s.out, "server.pem"), TLSKey: filepath.Join(s.out, "server.key"),
		MeterCA: filepath.Join(s.caDir, authority.CertFile), MeterRevoked: filepath.Join(s.caDir, authority.RevokedFile)}
	if s.certificate, err = openCertificate(s.config); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *certified) issue(out string, kind authority.Kind, name string) {
	s.t.Helper()
	if _, err := s.ca.Issue(out, authority.Order{Kind: kind, Name: name, Hosts: []string{"127.0.0.1"}, Lasts: time.Hour}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *certified) write(path string, text []byte) {
	s.t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *certified) read(path string) []byte {
	s.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s *certified) meter() *x509.Certificate {
	s.t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.out, certifiedMeter+".pem"), filepath.Join(s.out, certifiedMeter+".key"))
	if err != nil {
		s.t.Fatal(err)
	}
	return pair.Leaf
}

// TestTheNextStartTakesWhatARunningServerTook: a look of the running server and a start judge files by the same rules. What a start would
// refuse, the running server refuses too, and leaves what it had in use.
func TestTheNextStartTakesWhatARunningServerTook(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *certified)
		takes  bool
	}{
		"a renewed pair":                     {func(s *certified) { s.renew(0o600) }, true},
		"a renewed key that others can read": {func(s *certified) { s.renew(0o644) }, false},
		"the same key, opened to others": {func(s *certified) {
			if err := os.Chmod(s.config.TLSKey, 0o644); err != nil {
				s.t.Fatal(err)
			}
		}, false},
		"half a certificate": {func(s *certified) { text := s.read(s.config.TLSCert); s.write(s.config.TLSCert, text[:len(text)/2]) }, false},
		"no authority":       {func(s *certified) { s.write(s.config.MeterCA, nil) }, false},
		"half a list": {func(s *certified) {
			text := s.read(s.config.MeterRevoked)
			s.write(s.config.MeterRevoked, text[:len(text)/2])
		}, false},
		"a missing list": {func(s *certified) {
			if err := os.Remove(s.config.MeterRevoked); err != nil {
				s.t.Fatal(err)
			}
		}, false},
		"a newer list": {func(s *certified) { s.revoke() }, true},
		"an older list": {func(s *certified) {
			old := s.read(s.config.MeterRevoked)
			s.revoke()
			s.look()
			s.write(s.config.MeterRevoked, old)
		}, false},
		"an older list, after another authority was in use": {func(s *certified) {
			ca, old := s.read(s.config.MeterCA), s.read(s.config.MeterRevoked)
			s.revoke()
			s.look()
			other := newCertified(s.t)
			s.write(s.config.MeterCA, other.read(other.config.MeterCA))
			s.write(s.config.MeterRevoked, other.read(other.config.MeterRevoked))
			s.look()
			s.write(s.config.MeterCA, ca)
			s.write(s.config.MeterRevoked, old)
		}, false},
	} {
		s := newCertified(t)
		before := s.pair
		c.change(s)
		_, running := s.reload()
		_, starting := openCertificate(s.config)
		if (running == nil) != c.takes || (starting == nil) != c.takes || s.unusable() == c.takes {
			t.Errorf("%s: the running server says %v, a start %v; want both to take it: %t", name, running, starting, c.takes)
		}
		if !c.takes && s.pair != before {
			t.Errorf("%s: the old certificate is no longer in use", name)
		}
	}
}

// revoke makes the authority's next list.
func (s *certified) revoke() {
	s.t.Helper()
	if _, err := s.ca.Revoke(certifiedMeter, "ben", "stolen"); err != nil {
		s.t.Fatal(err)
	}
}

// look reads the files, as the running server does again and again.
func (s *certified) look() {
	s.t.Helper()
	if _, err := s.reload(); err != nil {
		s.t.Fatal(err)
	}
	if err := s.keepNewestLists(); err != nil {
		s.t.Fatal(err)
	}
}

// TestLostNumbersOfListsLockNobodyOut: without the numbers of the newest lists, or with damaged ones, a server starts, and remembers the lists
// that it finds.
func TestLostNumbersOfListsLockNobodyOut(t *testing.T) {
	for name, damage := range map[string]func(path string, text []byte) error{
		"no file":       func(path string, _ []byte) error { return os.Remove(path) },
		"an empty file": func(path string, _ []byte) error { return os.Truncate(path, 0) },
		"half a file":   func(path string, text []byte) error { return os.Truncate(path, int64(len(text)/2)) },
		"another digit": func(path string, text []byte) error {
			return os.WriteFile(path, bytes.Replace(text, []byte(" "), []byte(" 9"), 1), 0o600)
		},
	} {
		s := newCertified(t)
		old := s.read(s.config.MeterRevoked)
		s.revoke()
		s.look()
		numbers := filepath.Join(s.config.Data, newestListsFile)
		if err := damage(numbers, s.read(numbers)); err != nil {
			t.Fatal(err)
		}
		next, err := openCertificate(s.config)
		if err != nil {
			t.Fatalf("%s: a start says %v", name, err)
		}
		if err := next.keepNewestLists(); errors.Is(err, errNewestLists) != (name != "no file") {
			t.Errorf("%s: the server says %v", name, err)
		}
		s.write(s.config.MeterRevoked, old)
		if _, err := openCertificate(s.config); !errors.Is(err, authority.ErrOlder) {
			t.Errorf("%s: an old list after the next start: %v, want %v", name, err, authority.ErrOlder)
		}
	}
}

// renew issues the server's certificate again, with a key of some mode.
func (s *certified) renew(mode os.FileMode) {
	s.t.Helper()
	out := s.t.TempDir()
	s.issue(out, authority.Server, "server")
	s.write(s.config.TLSCert, s.read(filepath.Join(out, "server.pem")))
	s.write(s.config.TLSKey, s.read(filepath.Join(out, "server.key")))
	if err := os.Chmod(s.config.TLSKey, mode); err != nil {
		s.t.Fatal(err)
	}
}

// TestAProblemIsSaidAgainEveryHour: while files cannot be used, the log says so once an hour, and at once when the reason changes.
func TestAProblemIsSaidAgainEveryHour(t *testing.T) {
	var log bytes.Buffer
	w := certificateWatch{App: &App{log: slog.New(slog.NewTextHandler(&log, nil))}}
	began := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		after time.Duration
		err   error
		times int
	}{
		{0, errors.New("half a file"), 1},
		{59 * time.Minute, errors.New("half a file"), 1},
		{60 * time.Minute, errors.New("half a file"), 2},
		{61 * time.Minute, errors.New("half a file"), 2},
		{62 * time.Minute, errors.New("no file"), 3},
		{121 * time.Minute, errors.New("no file"), 3},
		{122 * time.Minute, errors.New("no file"), 4},
		{123 * time.Minute, nil, 4},
		{124 * time.Minute, errors.New("no file"), 5},
	} {
		w.sayProblem(c.err, began.Add(c.after))
		if n := strings.Count(log.String(), "files of certificates cannot be used"); n != c.times {
			t.Errorf("after %v with %v the log has said it %d times, want %d", c.after, c.err, n, c.times)
		}
	}
	if n := strings.Count(log.String(), "can be used again"); n != 1 {
		t.Errorf("the log says %d times that the files can be used again, want once", n)
	}
}

// TestEachPartStandsForItself: while one part is half written, a change of another one counts.
func TestEachPartStandsForItself(t *testing.T) {
	s := newCertified(t)
	s.write(s.config.TLSCert, []byte("-----BEGIN CERTIFICATE-----\n"))
	if _, err := s.ca.Revoke(certifiedMeter, "ben", "stolen"); err != nil {
		t.Fatal(err)
	}
	changed, err := s.reload()
	if !changed || err == nil || !strings.Contains(err.Error(), s.config.TLSCert) {
		t.Errorf("changed: %t, error %v; want the list in use and the certificate named", changed, err)
	}
	if err := s.trusted().Check(s.meter(), time.Now()); !errors.Is(err, authority.ErrRevoked) {
		t.Errorf("revoked while the server's certificate is half written: %v", err)
	}
	s = newCertified(t)
	s.write(s.config.MeterCA, []byte("-----BEGIN CERTIFICATE-----\n"))
	if _, err := s.ca.Revoke(certifiedMeter, "ben", "stolen"); err != nil {
		t.Fatal(err)
	}
	s.renew(0o600)
	before := s.pair
	if changed, err := s.reload(); !changed || err == nil || s.pair == before {
		t.Errorf("changed: %t, error %v; want the new certificate in use", changed, err)
	}
	if err := s.trusted().Check(s.meter(), time.Now()); !errors.Is(err, authority.ErrRevoked) {
		t.Errorf("revoked while the authority is half written: %v", err)
	}
}

// TestEndsOfCertificatesAreWatched: warnings come 30, 7 and 1 days before, but never while more than a third of the life is left.
func TestEndsOfCertificatesAreWatched(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	for _, c := range []struct {
		left, lasts time.Duration
		want        endWarning
	}{
		{31 * day, 730 * day, noWarning}, {30 * day, 730 * day, monthLeft}, {7 * day, 730 * day, weekLeft}, {day, 730 * day, dayLeft},
		{0, 730 * day, ended}, {-day, 730 * day, ended}, {31 * day, 90 * day, noWarning}, {30 * day, 90 * day, monthLeft},
		{3 * day, 6 * day, noWarning}, {2 * day, 6 * day, weekLeft}, {time.Hour, 2 * time.Hour, noWarning},
	} {
		if got := (CertificateEnd{At: now.Add(c.left), lasts: c.lasts}).warning(now); got != c.want {
			t.Errorf("%s left of %s: warning %d, want %d", c.left, c.lasts, got, c.want)
		}
	}
	s := newCertified(t)
	ends := s.ends()
	if len(ends) != 2 || ends[0].authority || !ends[1].authority || !strings.Contains(ends[1].Of, "Village") {
		t.Fatalf("ends %+v, want the server's certificate and the authority", ends)
	}
	none := []metering.Alarm{{Code: alarmCertificateEnds}, {Code: alarmCertificateUnusable}}
	if quiet := certificateAlarmsOf("", ends, nil, now); !slices.Equal(quiet, none) {
		t.Errorf("alarms %+v, want none open", quiet)
	}
	late := certificateAlarmsOf("srv-a", ends, keystore.ErrNotPrivate, ends[0].At.Add(-time.Minute))
	if len(late) != 4 || late[0].Server != "srv-a" || late[1].Server != "srv-a" || !slices.Equal(late[2:], none) {
		t.Fatalf("alarms %+v, want two of this server, and none open without a server", late)
	}
	if end := late[0].Text; !strings.Contains(end, s.config.TLSCert) || strings.Contains(end, "Village") {
		t.Errorf("%q, want the server's certificate alone", end)
	}
	if why := late[1].Text; !strings.Contains(why, keystore.ErrNotPrivate.Error()) {
		t.Errorf("%q, want what is wrong", why)
	}
}
