package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// hangUp sends this process SIGHUP, and waits until it has arrived. Otherwise it would end the tests if the server stopped to listen before.
func hangUp(t *testing.T) {
	t.Helper()
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await.Receive(t, "the signal", heard)
}

// pair writes a new certificate and its key, and returns the certificate's number.
func pair(t *testing.T, cert, key string) *big.Int {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	number := big.NewInt(time.Now().UnixNano())
	template := &x509.Certificate{SerialNumber: number, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	writeFile(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return number
}

// schemaOf replaces the number of the schema in a database that nobody has open, and returns the one before.
func schemaOf(t *testing.T, dir string, number uint32) (before uint32) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "paywatt.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [4]byte
	if _, err := f.ReadAt(b[:], 60); err != nil {
		t.Fatal(err)
	}
	before = binary.BigEndian.Uint32(b[:])
	binary.BigEndian.PutUint32(b[:], number)
	if _, err := f.WriteAt(b[:], 60); err != nil {
		t.Fatal(err)
	}
	return before
}

// noLook is longer than any test: what is seen before was not seen by a look in turn.
const noLook = time.Hour

// TestWhatCannotBeUsedIsExplainedAndMended: for each cause the page names the setting or path and what to do, tells a stranger neither, and
// the server starts once the cause is gone. SIGHUP makes it look at once, and ends neither the safe mode nor the server.
func TestWhatCannotBeUsedIsExplainedAndMended(t *testing.T) {
	tier.Slow(t)
	for code, make := range map[string]func(t *testing.T, dir string) (args []string, names string, mend func()){
		"certificate-unusable": func(t *testing.T, dir string) ([]string, string, func()) {
			cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
			pair(t, cert, filepath.Join(dir, "other.pem"))
			pair(t, filepath.Join(dir, "other.pem"), key)
			return []string{"--tls-cert", cert, "--tls-key", key}, cert, func() { pair(t, cert, key) }
		},
		"listener-closed": func(t *testing.T, _ string) ([]string, string, func()) {
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			return []string{"--mqtt-integration", taken.Addr().String()}, "mqtt_integration = " + taken.Addr().String(), func() { taken.Close() }
		},
		"folder-unwritable": func(t *testing.T, dir string) ([]string, string, func()) {
			file := filepath.Join(dir, "file")
			writeFile(t, file, "")
			return []string{"--data", filepath.Join(file, "data")}, filepath.Join(file, "data"), func() { os.Remove(file) }
		},
		"database-newer": func(t *testing.T, dir string) ([]string, string, func()) {
			first := startServe(t, "--data", filepath.Join(dir, "data"), "--http", "127.0.0.1:0")
			first.line(`^http=(\S+) mqtt=`)
			if err := first.end(); err != nil {
				t.Fatal(err)
			}
			data := filepath.Join(dir, "data")
			known := schemaOf(t, data, 9999)
			return nil, data, func() { schemaOf(t, data, known) }
		},
		"database-away": func(t *testing.T, dir string) ([]string, string, func()) {
			writeFile(t, filepath.Join(dir, "data", "paywatt.toml"), "store = \"postgres://me:hunter2@127.0.0.1:1/books\"\n")
			return nil, "postgres://me@127.0.0.1:1/books", func() { writeFile(t, filepath.Join(dir, "data", "paywatt.toml"), "") }
		},
	} {
		t.Run(code, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
				t.Fatal(err)
			}
			args, names, mend := make(t, dir)
			r := startServeWith(t, periods{safeLook: noLook}, append([]string{"--data", filepath.Join(dir, "data"), "--http", "127.0.0.1:0"}, args...)...)
			base := "http://" + r.line(`^safe-mode http=(\S+) code=`+code+`$`)
			if status, page := ask(t, visitor(t), "GET", r.link()); status != 503 || !strings.Contains(page, names) || !strings.Contains(page, "sells nothing") || strings.Contains(page, "hunter2") {
				t.Errorf("with the link: %d, want %s\n%s", status, names, page)
			}
			if status, page := ask(t, &http.Client{}, "GET", base+"/"); status != 503 || strings.Contains(page, names) || strings.Contains(page, dir) || !strings.Contains(page, "sells nothing") {
				t.Errorf("a stranger: %d\n%s", status, page)
			}
			if status, body := ask(t, &http.Client{}, "GET", base+"/readyz"); status != 503 || !strings.Contains(body, `"code":"`+code+`"`) || !strings.Contains(body, `"retryable":true`) {
				t.Errorf("/readyz: %d %s", status, body)
			}
			if strings.Contains(r.log.String(), "hunter2") {
				t.Errorf("the log has a password:\n%s", r.log)
			}
			mend()
			hangUp(t)
			r.line(`^http=(\S+) mqtt=`)
			hangUp(t)
			if err := r.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHangUpReadsTheCertificate: a server that serves takes a new certificate into use at once after SIGHUP.
func TestHangUpReadsTheCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pair(t, cert, key)
	r := startServeWith(t, periods{certificate: noLook}, "--data", filepath.Join(dir, "data"), "--http", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	addr := r.line(`^http=(\S+) mqtt=`)
	for range 2 { // the server looks once when it starts, so only the second time proves the signal
		renewed(t, addr, pair(t, cert, key))
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

// renewed sends SIGHUP and waits until the server uses the certificate with a number.
func renewed(t *testing.T, addr string, want *big.Int) {
	t.Helper()
	hangUp(t)
	await.True(t, "the server uses the new certificate", func() bool {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		got := c.ConnectionState().PeerCertificates[0].SerialNumber
		c.Close()
		return got.Cmp(want) == 0
	})
}

// TestNoPageWithoutItsAddress: without an address for HTTP there is no page of the safe mode, and the server ends with a message that says so.
func TestNoPageWithoutItsAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "paywatt.toml"), "log_levle = 1\n")
	r := startServe(t, "--data", dir, "--http", taken.Addr().String())
	for r.lines.Scan() {
		t.Errorf("printed %q", r.lines.Text())
	}
	if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "log_levle") || !strings.Contains(err.Error(), "page of the safe mode cannot be served") || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
}
