package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/await"
)

// network is a closed network: an authority, and a server whose certificate it has issued.
type network struct {
	ca    *authority.Authority
	dir   string // of the authority
	out   string // of the issued certificates
	roots *x509.CertPool
	mqtt  string
}

func (n *network) issue(t *testing.T, kind authority.Kind, name string, hosts ...string) authority.Entry {
	t.Helper()
	entries, err := n.ca.Issue(n.out, authority.Order{Kind: kind, Name: name, Hosts: hosts, Lasts: time.Hour, By: "amina"})
	if err != nil {
		t.Fatal(err)
	}
	return entries[0]
}

func newNetwork(t *testing.T, c *app.Config) *network {
	t.Helper()
	n := &network{dir: filepath.Join(t.TempDir(), "ca"), out: t.TempDir(), roots: x509.NewCertPool()}
	var err error
	if n.ca, err = authority.Create(n.dir, "Village", 2*time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	n.roots.AddCert(n.ca.Cert())
	n.issue(t, authority.Server, "server", "127.0.0.1")
	c.TLSCert, c.TLSKey = filepath.Join(n.out, "server.pem"), filepath.Join(n.out, "server.key")
	c.MeterCA, c.MeterRevoked = filepath.Join(n.dir, authority.CertFile), filepath.Join(n.dir, authority.RevokedFile)
	return n
}

// trusting is a client that trusts the network's authority and shows the certificate of name, if there is one.
func (n *network) trusting(t *testing.T, name string) *tls.Config {
	t.Helper()
	c := &tls.Config{RootCAs: n.roots, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	if name != "" {
		pair, err := tls.LoadX509KeyPair(filepath.Join(n.out, name+".pem"), filepath.Join(n.out, name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

// signIn sends a CONNECT and returns the connection with the return code, or the error of the handshake.
func (n *network) signIn(t *testing.T, c *tls.Config, id, user, password string) (*tls.Conn, byte, error) {
	t.Helper()
	conn, err := tls.Dial("tcp", n.mqtt, c)
	if err != nil {
		return nil, 0, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	field := func(s string) []byte { return append([]byte{0, byte(len(s))}, s...) }
	flags, payload := byte(2), field(id)
	if user != "" {
		flags, payload = flags|0x80, append(payload, field(user)...)
	}
	if password != "" {
		flags, payload = flags|0x40, append(payload, field(password)...)
	}
	const keepAlive = 500 // seconds: the server ends a silent connection after one and a half times as long, much later than await.Limit
	body := append([]byte{0, 4, 'M', 'Q', 'T', 'T', 4, flags, keepAlive >> 8, keepAlive & 0xff}, payload...)
	if _, err := conn.Write(append([]byte{0x10, byte(len(body))}, body...)); err != nil {
		return nil, 0, err
	}
	_ = conn.SetReadDeadline(time.Now().Add(await.Limit))
	var answer [4]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%s: after %v %s still has no answer to CONNECT", await.NotInTime, await.Limit, id)
		}
		return nil, 0, err
	}
	_ = conn.SetReadDeadline(time.Time{})
	return conn, answer[3], nil
}

// TestMetersSignInWithCertificates: a certificate whose subject is the meter's number stands for its password, also on a resumed
// connection. A certificate that does not count ends the connection in the handshake. A revocation ends the meter's connection and the
// use of its ticket while the server runs. Passwords go on working.
func TestMetersSignInWithCertificates(t *testing.T) {
	c, log := config(t.TempDir()), new(sharedLog)
	c.Log, c.CertificateEvery = slog.New(slog.NewTextHandler(log, nil)), 10*time.Millisecond
	n := newNetwork(t, &c)
	a := start(t, c)
	run(t, a)
	var addr string
	addr, n.mqtt = a.Ready()
	const one, two, none = "04140001001", "04140001019", "04140001027"
	passwords := n.register(t, c.Data, addr, one, two)
	issued := n.issue(t, authority.Meter, one)
	n.issue(t, authority.Meter, none)
	const refused = 5
	for name, l := range map[string]struct {
		cert, id, user, password string
		want                     byte
	}{
		"no user name":             {one, one, "", "", 0},
		"its own name":             {one, one, one, "", 0},
		"another's name":           {one, two, two, "", refused},
		"another's password":       {one, two, two, passwords[1], refused},
		"another's client id":      {one, two, "", "", refused},
		"a meter that is unknown":  {none, none, "", "", refused},
		"a password":               {"", one, one, passwords[0], 0},
		"neither":                  {"", one, one, "", refused},
		"another meter's password": {"", one, one, passwords[1], refused},
	} {
		if _, code, err := n.signIn(t, n.trusting(t, l.cert), l.id, l.user, l.password); err != nil || code != l.want {
			t.Errorf("%s: code %d, %v, want %d", name, code, err, l.want)
		}
	}
	if _, _, err := n.signIn(t, n.trusting(t, "server"), one, "", ""); err == nil {
		t.Error("the server's certificate was taken as a meter's")
	}
	n.revokes(t, c.MeterRevoked, one, log)
	if err := app.CheckCertificate(c.Data, c.TLSCert, c.TLSKey, c.MeterCA, c.MeterRevoked); !errors.Is(err, authority.ErrOlder) {
		t.Errorf("the next start with the older list: %v, want %v", err, authority.ErrOlder)
	}
	if _, code, err := n.signIn(t, n.trusting(t, ""), one, one, passwords[0]); err != nil || code != 0 {
		t.Errorf("the password no longer works: code %d, %v", code, err)
	}
	for _, line := range []string{"meter connected with a certificate", issued.Serial, "certificate no longer counts", "the certificate is revoked"} {
		await.True(t, "the log says "+line, func() bool { return strings.Contains(log.String(), line) })
	}
}

// revokes connects a meter twice, revokes its certificate, and brings back the list of before.
func (n *network) revokes(t *testing.T, file, one string, log *sharedLog) {
	t.Helper()
	meter := n.trusting(t, one)
	var conn *tls.Conn
	for i := range 2 {
		var code byte
		var err error
		if conn, code, err = n.signIn(t, meter, one, "", ""); err != nil || code != 0 || conn.ConnectionState().DidResume != (i == 1) {
			t.Fatalf("connection %d: code %d, %v, resumed %t", i+1, code, err, conn != nil && conn.ConnectionState().DidResume)
		}
	}
	older, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.ca.Revoke(one, "ben", "stolen"); err != nil {
		t.Fatal(err)
	}
	ended(t, "the connection of a revoked certificate", conn)
	if _, _, err := n.signIn(t, meter, one, "", ""); err == nil {
		t.Error("the ticket of a revoked certificate was taken")
	}
	if err := os.WriteFile(file, older, 0o600); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the older list of revoked certificates is noticed", func() bool { return strings.Contains(log.String(), authority.ErrOlder.Error()) })
	if _, _, err := n.signIn(t, n.trusting(t, one), one, "", ""); err == nil {
		t.Error("an older list of revoked certificates brought the certificate back")
	}
}

// register registers meters and returns their passwords.
func (n *network) register(t *testing.T, dir, addr string, numbers ...string) (passwords []string) {
	t.Helper()
	api := n.client(t, dir, addr)
	rate := int64(2_500_000)
	if _, err := api.CreateTariff(t.Context(), apiv1.NewTariff{Name: "domestic", Price: apiv1.Price{Currency: "KES", FlatMicro: &rate}}); err != nil {
		t.Fatal(err)
	}
	for _, number := range numbers {
		added, err := api.AddMeter(t.Context(), apiv1.NewMeter{Number: number, Mode: "prepay_wallet", Tariff: "domestic"})
		if err != nil {
			t.Fatal(err)
		}
		passwords = append(passwords, added.MQTTPassword)
	}
	return passwords
}

// client is an owner's client over TLS.
func (n *network) client(t *testing.T, dir, addr string) *client.Client {
	t.Helper()
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: n.roots}}}
	t.Cleanup(web.CloseIdleConnections)
	c, err := client.New("https://"+addr, ownerKey(t, dir), client.Config{HTTP: web})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
