package app_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
)

// sharedLog is a log that the server writes while the test reads it.
type sharedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *sharedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *sharedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestAServerBehindAProxy has a list of hosts, and metrics at an address of their own.
func TestAServerBehindAProxy(t *testing.T) {
	log := &sharedLog{}
	c := config(t.TempDir())
	c.Proxies, c.Hosts = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, []string{"pay.example.org"}
	c.Metrics, c.Log = "127.0.0.1:0", slog.New(slog.NewTextHandler(log, nil))
	a := start(t, c)
	run(t, a)
	addr, _ := a.Ready()
	ask := func(url, host string, headers ...string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
	for _, w := range []struct {
		url, host, inBody string
		status            int
	}{
		{addr + "/v1/version", "pay.example.org", "version", 200},
		{addr + "/v1/version", "evil.example", "host-unknown", 421},
		{addr + "/signin", "evil.example", "<!doctype html>", 421},
		{addr + "/livez", "10.0.0.9", "", 200},
		{addr + "/metrics", "pay.example.org", "not-found", 404},
		{a.Metrics() + "/metrics", "10.0.0.9", "paywatt_ready", 200},
		{a.Metrics() + "/metrics", "10.0.0.9", `paywatt_mqtt_disconnects_total{listener="devices",reason="silence"} 0`, 200},
		{a.Metrics() + "/v1/version", "pay.example.org", "", 404},
	} {
		if resp, body := ask(w.url, w.host); resp.StatusCode != w.status || !strings.Contains(body, w.inBody) {
			t.Errorf("%s for %s: got %d %.80s, want %d with %q", w.url, w.host, resp.StatusCode, body, w.status, w.inBody)
		}
	}
	resp, body := ask(addr+"/signin", "pay.example.org", "X-Forwarded-For", "203.0.113.66", "X-Forwarded-Proto", "https")
	if resp.Header.Get("Strict-Transport-Security") == "" || strings.Contains(body, "not encrypted") {
		t.Errorf("through an encrypting proxy: got HSTS %q and a page that says the connection is not encrypted: %t", resp.Header.Get("Strict-Transport-Security"), strings.Contains(body, "not encrypted"))
	}
	await.True(t, "the log has the client's address, not the proxy's", func() bool { return strings.Contains(log.String(), "remote=203.0.113.66") })
	if resp, body := ask(addr+"/signin", "pay.example.org"); resp.Header.Get("Strict-Transport-Security") != "" || !strings.Contains(body, "not encrypted") {
		t.Error("without encryption the page lacks its warning, or the answer has HSTS")
	}
}

// TestANewCertificateIsUsedWithoutARestart: a broken one is not.
func TestANewCertificateIsUsedWithoutARestart(t *testing.T) {
	c, log := config(t.TempDir()), new(sharedLog)
	c.Log, c.CertificateEvery = slog.New(slog.NewTextHandler(log, nil)), 10*time.Millisecond
	old := certificate(t, &c)
	a := start(t, c)
	run(t, a)
	addr, mqtt := a.Ready()
	dials := func(address string, roots *x509.CertPool) bool {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots})
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}
	if err := os.WriteFile(c.TLSCert, []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the server has read the broken file", func() bool { return strings.Contains(log.String(), "files of certificates cannot be used") })
	if !dials(addr, old) {
		t.Error("a broken file replaced the certificate")
	}
	renewed := certificate(t, &c)
	await.True(t, "the listeners use the new certificate", func() bool { return dials(addr, renewed) && dials(mqtt, renewed) })
	resp, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: renewed}, DisableKeepAlives: true}}).Get("https://" + addr + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Header.Get("Strict-Transport-Security") == "" {
		t.Error("the answer has no HSTS")
	}
}
