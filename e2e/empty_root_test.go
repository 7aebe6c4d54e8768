package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// enterRoot makes a command begin with a folder as its root. Without root's rights it does so in a user namespace of its own.
func enterRoot(cmd *exec.Cmd, root string) {
	a := &syscall.SysProcAttr{Chroot: root}
	if os.Getuid() != 0 {
		a.Cloneflags = syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	cmd.SysProcAttr = a
	cmd.Dir = "/"
}

// newEmptyRoot makes a place in a file system that has only the program, its data folder and its passphrase.
func newEmptyRoot(t *testing.T) *place {
	t.Helper()
	p := newPlace(t, paywatt(t))
	p.root = filepath.Dir(p.dir)
	program, err := os.ReadFile(p.bin)
	if err == nil {
		err = os.WriteFile(filepath.Join(p.root, "paywatt"), program, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.bin, p.dir, p.pass = "/paywatt", "/data", "/pass"
	p.env = []string{"PAYWATT_PASSPHRASE_FILE=/pass", "ZONEINFO=/nowhere", "LANG=tlh_QX.KLINGON", "LC_ALL=tlh_QX.KLINGON"}
	if _, errOut, code := p.try("", "version"); code != 0 {
		tier.Lacking(t, "a program cannot run with another root here ("+errOut+")")
	}
	return p
}

// TestTheProgramAloneInAnEmptyRoot: a server needs no zones, certificates, fonts, locale, temporary folder, /proc, /dev or /etc of its machine. The
// page docs/operate/running.md says what each lacks where.
func TestTheProgramAloneInAnEmptyRoot(t *testing.T) {
	p := newEmptyRoot(t)
	key := p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	server := p.serve(t, anyPort, anyPort)
	a := newAPI(server.http, key)
	a.must(t, 200, "GET", "/readyz", nil)
	a.must(t, 200, "POST", "/v1/settings", map[string]any{"tz": "Africa/Nairobi"})
	a.tariff(t)
	m := a.meter(t, "04140001001")
	sells := func(ref string) answer {
		t.Helper()
		sold, err := a.vend(m.number, 10_000, ref)
		if err != nil || sold.status != 201 {
			t.Fatalf("a sale: %d %s, %v", sold.status, sold.body, err)
		}
		return sold
	}
	paper := a.must(t, 200, "GET", sells("sold-in-an-empty-root").text(t, "receipt_url")+"?format=pdf", nil)
	if !bytes.HasPrefix(paper.body, []byte("%PDF-")) {
		t.Errorf("the receipt is no PDF file: %.40q", paper.body)
	}
	hook := newPrivateHook(t, p)
	if why := hook.tries(t, a, "127.0.0.1"); !strings.Contains(why, "certificate") {
		t.Errorf("a call to an authority that nobody trusts: %q, want a certificate refused", why)
	}
	if why := hook.tries(t, a, "localhost"); !strings.Contains(why, "cannot be resolved") {
		t.Errorf("a call to a name: %q, want a name that cannot be resolved", why)
	}
	p.backsUp(t)
	if out := p.run(t, "", "doctor", "--data", p.dir); strings.Contains(out, "failed") {
		t.Errorf("doctor: %s", out)
	}
	server.stop() // without /proc the next one cannot tell a restart from a boot
	p.env = append(p.env, "SSL_CERT_FILE="+hook.authority)
	a = newAPI(p.serve(t, anyPort, anyPort).http, key)
	a.must(t, 200, "GET", "/readyz", nil)
	sells("sold-after-a-restart")
	if why := hook.tries(t, a, "127.0.0.1"); why != "" {
		t.Errorf("a call to an authority that is given: %q", why)
	}
}

// privateHook takes events by https, with a certificate of an authority that no machine knows.
type privateHook struct {
	port      string
	authority string // file with the authority's certificate, as the program sees it
}

func newPrivateHook(t *testing.T, p *place) privateHook {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that refuses the certificate is no news
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err == nil {
		cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
		err = os.WriteFile(filepath.Join(p.root, "authority.pem"), cert, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return privateHook{port, "/authority.pem"}
}

// tries sends an event to the hook by a name or an address, and returns why the first attempt failed; empty if it did not.
func (h privateHook) tries(t *testing.T, a *api, host string) (why string) {
	t.Helper()
	added := a.must(t, 201, "POST", "/v1/webhooks", map[string]any{"url": "https://" + net.JoinHostPort(host, h.port) + "/",
		"events": []string{"vend.completed"}, "allow_private": true})
	path := "/v1/webhooks/" + added.text(t, "id")
	a.must(t, 202, "POST", path+"/test", map[string]any{})
	var list struct {
		Data []struct {
			Log []struct{ Error string }
		}
	}
	await.True(t, "the event was posted", func() bool {
		got := a.must(t, 200, "GET", path+"/deliveries", nil)
		if err := json.Unmarshal(got.body, &list); err != nil {
			t.Fatal(err)
		}
		return len(list.Data) == 1 && len(list.Data[0].Log) > 0
	})
	a.must(t, 200, "DELETE", path, nil)
	return list.Data[0].Log[0].Error
}

// backsUp makes a plain and an encrypted backup, and restores the encrypted one. Some commands need a temporary folder, and name it where there is none.
func (p *place) backsUp(t *testing.T) {
	t.Helper()
	p.run(t, "", "backup", "create", "/backup", "--data", p.dir)
	if out := p.run(t, "", "backup", "verify", "/backup"); !strings.Contains(out, "Sound: ") || !strings.Contains(out, "1 sale") {
		t.Errorf("the backup: %s", out)
	}
	recipient, identity := newIdentity(t)
	if err := os.WriteFile(filepath.Join(p.root, "identity"), []byte(identity+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(t, "", "backup", "create", "/backup.age", "--data", p.dir, "--recipient", recipient)
	p.run(t, "", "backup", "restore", "/backup.age", "--data", "/restored", "--identity", "/identity", "--without-head")
	if out := p.run(t, "", "verify", "--data", "/restored"); !strings.Contains(out, "1 sale") {
		t.Errorf("the restored data: %s", out)
	}
	for _, args := range [][]string{{"demo", "--once"}, {"sim", "--mode", "wallet"}, {"backup", "verify", "/backup.age", "--identity", "/identity"}} {
		if _, errOut, code := p.try("", args...); code <= 0 || !strings.Contains(errOut, "/tmp") {
			t.Errorf("paywatt %s without a temporary folder: exit %d, %s", strings.Join(args, " "), code, errOut)
		}
	}
}
