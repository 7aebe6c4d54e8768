package app_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/words/wordstest"
	"github.com/paywatt/paywatt/sts"
)

const passphrase = "a long passphrase"

func config(dir string) app.Config {
	return app.Config{Data: dir, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Passphrase: []byte(passphrase), Reserve: -1,
		KeyCost: keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}, PasswordCost: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}}
}

// addVendingKey puts a public test key of supply group 123456 into the folder, as another process would.
func addVendingKey(t *testing.T, dir string) {
	t.Helper()
	s, err := keystore.Open(dir, keystore.Config{Params: keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Unlock([]byte(passphrase)); err != nil {
		t.Fatal(err)
	}
	vk, err := sts.NewVendingKey(bytes.Repeat([]byte{0xab}, 8))
	if err != nil {
		t.Fatal(err)
	}
	no, err := s.Add(keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255, Test: true}, vk)
	if err != nil || no.Refused() {
		t.Fatal(no, err)
	}
}

// run serves a until the test ends or calls the returned function, which returns Run's error.
func run(t *testing.T, a *app.App) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	var err error
	stopped := false
	stop = func() error {
		if stopped {
			return err
		}
		stopped = true
		cancel()
		err = await.Receive(t, "the server has stopped", ended)
		return err
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return stop
}

// ownerKey makes an API key of an owner.
func ownerKey(t *testing.T, dir string) string {
	t.Helper()
	f, err := app.OpenFolder(t.Context(), dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	made, err := f.Access.CreateAPIKey(t.Context(), app.Clerk(), access.NewKey{Role: access.Owner})
	if err != nil || made.Refused() {
		t.Fatal(made.Refusal, err)
	}
	return made.Secret.Reveal()
}

func connect(t *testing.T, a *app.App, dir string) *client.Client {
	t.Helper()
	addr, _ := a.Ready()
	c, err := client.New("http://"+addr, ownerKey(t, dir), client.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, c app.Config) *app.App {
	t.Helper()
	c.Languages = wordstest.Languages(t)
	a, err := app.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestTheClientAndTheServerUnderstandEachOther goes through every call of the client against a real server, with keys that
// were added while it ran.
func TestTheClientAndTheServerUnderstandEachOther(t *testing.T) {
	dir := t.TempDir()
	a := start(t, config(dir))
	run(t, a)
	c := connect(t, a, dir)
	ctx := t.Context()
	if r, failing, err := c.Ready(ctx); err != nil || !r.Ready {
		t.Errorf("ready: got %+v, %v, %v", r, failing, err)
	}
	rate := int64(2_500_000)
	tariff, err := c.CreateTariff(ctx, apiv1.NewTariff{Name: "domestic", Price: apiv1.Price{Currency: "KES", VATBps: 1500, FlatMicro: &rate}})
	if err != nil || tariff.Name != "domestic" || tariff.Version != 1 || *tariff.FlatMicro != rate {
		t.Fatalf("tariff: got %+v, %v", tariff, err)
	}
	limit, second := int64(50_000), int64(2_750_000)
	blocks := []apiv1.Block{{UpToWh: &limit, RateMicro: 1_200_000}, {RateMicro: second}}
	if b, err := c.CreateTariff(ctx, apiv1.NewTariff{Name: "blocks", Price: apiv1.Price{Currency: "KES", Blocks: blocks}}); err != nil || len(b.Blocks) != 2 {
		t.Errorf("blocks: got %+v, %v", b, err)
	}
	if l, err := c.Tariffs(ctx, apiv1.Page{}); err != nil || len(l.Data) != 2 {
		t.Errorf("tariffs: got %+v, %v", l, err)
	}
	krn, kt := int64(1), int64(2)
	added, err := c.AddMeter(ctx, apiv1.NewMeter{Number: "04140001001", Mode: "prepay_token", Tariff: "domestic", SGC: "123456", KRN: &krn, KT: &kt,
		TI: "01", Simulated: true, Customer: &apiv1.Customer{Name: "Amina A."}})
	if err != nil || added.MQTTPassword == "" || added.LinkKey == "" {
		t.Fatalf("meter: got %+v, %v", added.Meter, err)
	}
	tender := apiv1.Amount{AmountMinor: 10000, Currency: "KES"}
	var p *client.Problem
	if _, err := c.Vend(ctx, apiv1.NewSale{Meter: "04140001001", Tender: tender}, ""); !errors.As(err, &p) || p.Code != "vending-key-missing" {
		t.Errorf("before there is a key: got %v, want vending-key-missing", err)
	}
	addVendingKey(t, dir)
	if q, err := c.Quote(ctx, "04140001001", tender); err != nil || q.UnitsWh != 34700 {
		t.Errorf("quote: got %+v, %v", q, err)
	}
	v, err := c.Vend(ctx, apiv1.NewSale{Meter: "04140001001", Tender: tender, ClientRef: "till3-1", Deliver: []string{"mqtt"}}, "")
	if err != nil || v.UnitsWh != 34700 || len(v.Tokens) != 1 || len(v.Tokens[0].Digits) != 20 || !v.Test {
		t.Fatalf("vend: got %+v, %v", v, err)
	}
	read(t, c, v.Sale)
}

// read checks what the API returns about the sale v, its meter and its customer. It also sends a command to the meter.
func read(t *testing.T, c *client.Client, v apiv1.Sale) {
	t.Helper()
	ctx := t.Context()
	for name, look := range map[string]func() (apiv1.Sale, error){
		"by id":        func() (apiv1.Sale, error) { return c.VendByID(ctx, v.ID) },
		"by reference": func() (apiv1.Sale, error) { return c.VendByRef(ctx, "till3-1") },
	} {
		if got, err := look(); err != nil || got.ID != v.ID || got.Tokens[0].Digits != v.Tokens[0].Digits {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if b, kind, err := c.Receipt(ctx, v.ID, "text48"); err != nil || !strings.HasPrefix(kind, "text/plain") || !bytes.Contains(b, []byte(v.ReceiptNo)) {
		t.Errorf("receipt: got %s %s, %v", kind, b, err)
	}
	if l, err := c.Tokens(ctx, apiv1.MeterFilter{Meter: v.Meter}); err != nil || len(l.Data) != 1 || l.Data[0].Vend != v.ID || l.Data[0].Digits != v.Tokens[0].Digits {
		t.Errorf("tokens: got %+v, %v", l, err)
	}
	m, err := c.Meter(ctx, v.Meter)
	if err != nil || m.State != "offline" || m.SGC != "123456" || m.KEN == nil || *m.KEN != 255 || m.Customer == nil || m.Customer.Name != "Amina A." {
		t.Errorf("meter: got %+v, %v", m, err)
	}
	if l, err := c.Meters(ctx, apiv1.MeterListFilter{Page: apiv1.Page{Limit: 1}}); err != nil || len(l.Data) != 1 || l.NextCursor != "" {
		t.Errorf("meters: got %+v, %v", l, err)
	}
	if l, err := c.Customers(ctx, apiv1.CustomerFilter{}); err != nil || len(l.Data) != 1 {
		t.Errorf("customers: got %+v, %v", l, err)
	}
	if l, err := c.Readings(ctx, apiv1.HistoryFilter{Meter: v.Meter, From: time.Unix(0, 0)}); err != nil || len(l.Data) != 0 {
		t.Errorf("readings: got %+v, %v", l, err)
	}
	if l, err := c.Events(ctx, apiv1.HistoryFilter{Meter: v.Meter}); err != nil || len(l.Data) != 0 {
		t.Errorf("events: got %+v, %v", l, err)
	}
	sent, err := c.SendCommand(ctx, v.Meter, apiv1.NewCommand{Type: "connect", Reason: "test", Args: map[string]any{"force": true}})
	if err != nil || sent.State != "queued" {
		t.Fatalf("command: got %+v, %v", sent, err)
	}
	if got, err := c.Command(ctx, v.Meter, sent.ID); err != nil || got.ID != sent.ID {
		t.Errorf("command: got %+v, %v", got, err)
	}
	if b, err := c.TrialBalance(ctx); err != nil || b.SumMinor != 0 || len(b.Accounts) == 0 || b.Currency != "KES" {
		t.Errorf("trial balance: got %+v, %v", b, err)
	}
	if _, err := c.Version(ctx); err != nil {
		t.Errorf("version: got %v", err)
	}
}

func TestASecondServerOnTheSameFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	a := start(t, config(dir))
	stop := run(t, a)
	if _, err := app.New(config(dir)); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b := start(t, config(dir)) // the first server has released everything
	run(t, b)
}

// TestAFailedStartLetsGoOfEverything: after a failed start, the next attempt can serve the same folder at once.
func TestAFailedStartLetsGoOfEverything(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, spoil := range map[string]func(*app.Config){
		"HTTP address in use": func(c *app.Config) { c.HTTP = taken.Addr().String() },
		"MQTT address in use": func(c *app.Config) { c.MQTT = taken.Addr().String() },
		"no certificate":      func(c *app.Config) { c.TLSCert, c.TLSKey = filepath.Join(dir, "no.pem"), filepath.Join(dir, "no.key") },
		"damaged key store": func(c *app.Config) {
			if err := os.WriteFile(filepath.Join(dir, keystore.FileName), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		c := config(dir)
		spoil(&c)
		if _, err := app.New(c); err == nil {
			t.Errorf("%s: got no error", name)
		}
		_ = os.Remove(filepath.Join(dir, keystore.FileName))
	}
	run(t, start(t, config(dir)))
}

// TestAWrongPassphraseLeavesTheServerLockedAndReachable: with a wrong passphrase the server starts locked. A typing error must not keep it
// down.
func TestAWrongPassphraseLeavesTheServerLockedAndReachable(t *testing.T) {
	dir := t.TempDir()
	addVendingKey(t, dir)
	c := config(dir)
	c.Passphrase = []byte("another passphrase")
	a := start(t, c)
	run(t, a)
	if !a.Locked() {
		t.Error("a wrong passphrase opened the key store")
	}
	r, failing, err := connect(t, a, dir).Ready(t.Context())
	if err != nil || r.Ready || strings.Join(failing, " ") != "keystore-locked" {
		t.Errorf("got %+v, %v, %v, want not ready for keystore-locked", r, failing, err)
	}
}

// TestAnotherDataKeyIsSaidAtEveryStart: data that the old key sealed cannot be opened, and nobody would notice until a customer asks for a
// token again.
func TestAnotherDataKeyIsSaidAtEveryStart(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	dir := t.TempDir()
	said := func() bool {
		t.Helper()
		var log bytes.Buffer
		c := config(dir)
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		if err := run(t, start(t, c))(); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(log.String(), "level=ERROR") && strings.Contains(log.String(), "data.key")
	}
	path := filepath.Join(dir, keystore.DataFileName)
	for range 2 {
		if said() {
			t.Error("the folder's own key is called another one")
		}
	}
	right, err := os.ReadFile(path)
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !said() {
			t.Error("a new key in the place of a lost one is not told at every start")
		}
	}
	if err := os.WriteFile(path, right, 0o600); err != nil {
		t.Fatal(err)
	}
	if said() {
		t.Error("the right key, put back, is called another one")
	}
}

// TestARequestUnderWayIsFinishedAtTheEnd: a request that is under way when the server stops still gets its answer.
func TestARequestUnderWayIsFinishedAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	a := start(t, config(dir))
	stop := run(t, a)
	addr, _ := a.Ready()
	f, err := app.OpenFolder(t.Context(), dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	made, err := f.Access.CreateAPIKey(t.Context(), app.Clerk(), access.NewKey{Role: access.Owner})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`
	// The server says "continue" when it begins to read the body: from then on the request is under way.
	_, err = fmt.Fprintf(conn, "POST /v1/tariffs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\nAuthorization: Bearer %s\r\n\r\n",
		len(body), made.Secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	answer := bufio.NewReader(conn)
	if line, err := answer.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, %v, want 100 Continue", line, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	// The body of the open request comes after the server has stopped to accept connections.
	await.True(t, "the stopping server accepts no more connections", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(answer)
	if err != nil || !bytes.Contains(b, []byte("HTTP/1.1 201 Created")) {
		t.Errorf("got %.60q, %v, want 201", b, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestWithACertificateBothListenersSpeakTLSOnly(t *testing.T) {
	dir := t.TempDir()
	c := config(dir)
	pool := certificate(t, &c)
	a := start(t, c)
	run(t, a)
	addr, mqtt := a.Ready()
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer h.CloseIdleConnections()
	resp, err := h.Get("https://" + addr + "/v1/version")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.TLS.Version < tls.VersionTLS12 {
		t.Errorf("got %d over TLS %x, want 200 over TLS 1.2 or later", resp.StatusCode, resp.TLS.Version)
	}
	conn, err := tls.Dial("tcp", mqtt, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatalf("meters: %v", err)
	}
	conn.Close()
	if resp, err := http.Get("http://" + addr + "/v1/version"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == 200 {
			t.Error("the server answers without TLS")
		}
	}
	if _, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("the server takes TLS 1.1")
	}
}

// TestNoListenerSpeaksHTTP2: a client that offers HTTP/2 gets HTTP/1.1, at each listener that serves HTTP over TLS.
func TestNoListenerSpeaksHTTP2(t *testing.T) {
	c := config(t.TempDir())
	pool := certificate(t, &c)
	c.Metrics = "127.0.0.1:0"
	a := start(t, c)
	run(t, a)
	addr, _ := a.Ready()
	safe, err := app.OpenSafe(app.SafeConfig{HTTP: "127.0.0.1:0", TLSCert: c.TLSCert, TLSKey: c.TLSKey, Data: c.Data, Log: slog.New(slog.DiscardHandler),
		Defect: func() app.Defect { return app.Defect{} }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- safe.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("safe mode: %v", err)
		}
	}()
	for name, at := range map[string]string{"HTTP": addr, "metrics": a.Metrics(), "safe mode": safe.Address()} {
		h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
		resp, err := h.Get("https://" + at + "/")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		resp.Body.Close()
		h.CloseIdleConnections()
		if resp.ProtoMajor != 1 {
			t.Errorf("%s: got %s, want HTTP/1.1", name, resp.Proto)
		}
		conn, err := tls.Dial("tcp", at, &tls.Config{RootCAs: pool, NextProtos: []string{"h2"}})
		if err == nil {
			if got := conn.ConnectionState().NegotiatedProtocol; got != "" {
				t.Errorf("%s: a client that speaks nothing else got %q", name, got)
			}
			conn.Close()
		}
	}
}

// certificate writes a self-signed certificate for 127.0.0.1 and names its files in the configuration.
func certificate(t *testing.T, c *app.Config) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c.TLSCert, c.TLSKey = filepath.Join(c.Data, "cert.pem"), filepath.Join(c.Data, "key.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, b := range map[string][]byte{c.TLSCert: cert, c.TLSKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// TestALiveStreamEndsWithTheServer: an open page does not delay the shutdown.
func TestALiveStreamEndsWithTheServer(t *testing.T) {
	dir := t.TempDir()
	f, err := app.OpenFolder(t.Context(), dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	made, err := f.Access.Invite(t.Context(), app.Clerk(), access.NewPerson{Email: "amina@example.org", Role: access.Operator})
	if err != nil || made.Refused() {
		t.Fatal(made.Refusal, err)
	}
	made, err = f.Access.Accept(t.Context(), app.Clerk().Tenant, made.Link.Reveal(), access.SecretOf("four unrelated words here"), "")
	if err != nil || made.Refused() {
		t.Fatal(made.Refusal, err)
	}
	in, err := f.Access.SignIn(t.Context(), app.Clerk().Tenant, "amina@example.org", "four unrelated words here", "", access.Browser{IP: "127.0.0.1"})
	if err := errors.Join(err, f.Close()); err != nil || in.Refused() {
		t.Fatal(in.Refusal, err)
	}
	a := start(t, config(dir))
	stop := run(t, a)
	addr, _ := a.Ready()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/meters/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.AddCookie(&http.Cookie{Name: "paywatt_session", Value: in.Session.Reveal()})
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || line != "event: ping\n" {
		t.Fatalf("got %d %q, %v, want the first ping at once", resp.StatusCode, line, err)
	}
	if err := stop(); err != nil { // the page stays open, so that it ends at all is the proof
		t.Error(err)
	}
}

func TestTheSetupPathIsOfferedUntilThereIsAnOwner(t *testing.T) {
	dir := t.TempDir()
	a := start(t, config(dir))
	stop := run(t, a)
	if !strings.HasPrefix(a.SetupPath(), "/setup?code=") {
		t.Errorf("got %q, want a path with a code", a.SetupPath())
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	f, err := app.OpenFolder(t.Context(), dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	made, err := f.Access.CreateOwner(t.Context(), app.Clerk(), access.NewOwner{Email: "amina@example.org", Password: access.SecretOf("four unrelated words here")})
	if err != nil || made.Refused() {
		t.Fatal(made.Refusal, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b := start(t, config(dir))
	run(t, b)
	if b.SetupPath() != "" {
		t.Errorf("got %q, want none: there is an owner", b.SetupPath())
	}
}
