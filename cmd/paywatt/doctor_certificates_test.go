package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/keystore"
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
}
