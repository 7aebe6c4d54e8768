package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store"
)

// TestDoctorWatchesTheEndsOfCertificates: it warns before a certificate ends, and an ended one or a file that cannot be used is bad.
func TestDoctorWatchesTheEndsOfCertificates(t *testing.T) {
	dir, out, now := filepath.Join(t.TempDir(), "ca"), t.TempDir(), time.Now()
	a, err := authority.Create(dir, "Village", 1000*time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Issue(out, authority.Order{Kind: authority.Server, Name: "server", Hosts: []string{"localhost"}, Lasts: time.Hour}); err != nil {
		t.Fatal(err)
	}
	ends, err := app.CertificateEnds(t.TempDir(), filepath.Join(out, "server.pem"), filepath.Join(out, "server.key"), filepath.Join(dir, "ca.pem"), filepath.Join(dir, "revoked.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after         time.Duration
		err           error
		verdict, says string
	}{
		{0, nil, checkOK, "Village"},
		{50 * time.Minute, nil, checkWarn, "server.pem"},
		{2 * time.Hour, nil, checkBad, "have ended"},
		{0, keystore.ErrNotPrivate, checkBad, keystore.ErrNotPrivate.Error()},
	} {
		if k := certificateCheck(ends, c.err, now.Add(c.after)); k.Verdict != c.verdict || !strings.Contains(k.Detail, c.says) {
			t.Errorf("after %s: %+v, want %s and %q", c.after, k, c.verdict, c.says)
		}
	}
	k := certificateCheck(ends, nil, now)
	if one, several := k.nameServer(""), k.nameServer("srv-a"); one != k || several.Detail != "server srv-a: "+k.Detail {
		t.Errorf("the only server: %+v; one of several: %+v", one, several)
	}
}

// TestDoctorReadsTheFilesOfCertificates: the command warns of a certificate that is about to end. It was issued some time ago, so nobody has to
// wait.
func TestDoctorReadsTheFilesOfCertificates(t *testing.T) {
	const lasts, left = time.Hour, 15 * time.Minute
	dir, out := filepath.Join(t.TempDir(), "ca"), t.TempDir()
	a, err := authority.Create(dir, "Village", 1000*time.Hour, time.Now().Add(left-lasts))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Issue(out, authority.Order{Kind: authority.Server, Name: "server", Hosts: []string{"localhost"}, Lasts: lasts}); err != nil {
		t.Fatal(err)
	}
	var said, messages bytes.Buffer
	args := []string{"doctor", "--data", filepath.Join(t.TempDir(), "data"), "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "-o", "csv",
		"--tls-cert", filepath.Join(out, "server.pem"), "--tls-key", filepath.Join(out, "server.key")}
	code := run(args, console{in: strings.NewReader(""), out: &said, err: &messages, getenv: func(string) string { return "" }})
	if code != 0 || !strings.Contains(said.String(), "\ncertificates,warn,") || !strings.Contains(said.String(), "issue new ones") {
		t.Errorf("doctor ends with %d and says\n%s%s", code, said.String(), messages.String())
	}
}

// TestDoctorNamesServersWithOneName: names that several running servers have are a warning. Without one, the check is not shown.
func TestDoctorNamesServersWithOneName(t *testing.T) {
	if all := append(namesChecks(nil), namesChecks(&store.Report{})...); len(all) != 0 {
		t.Errorf("no name: %+v, want no check", all)
	}
	all := namesChecks(&store.Report{Names: []string{"srv-a"}})
	if len(all) != 1 || all[0].Verdict != checkWarn || !strings.Contains(all[0].Detail, "srv-a; set server_name") {
		t.Errorf("one name: %+v, want a warning", all)
	}
}
