package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
	p.env = []string{"PAYWATT_PASSPHRASE_FILE=/pass", "ZONEINFO=/nowhere"}
	if _, errOut, code := p.try("", "version"); code != 0 {
		tier.Lacking(t, "a program cannot run with another root here ("+errOut+")")
	}
	return p
}

// TestTheProgramAloneInAnEmptyRoot: a server needs no zones, certificates, fonts, temporary folder, /proc, /dev or /etc of its machine. The page
// docs/operate/running.md says what each lacks where.
func TestTheProgramAloneInAnEmptyRoot(t *testing.T) {
	p := newEmptyRoot(t)
	key := p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	a := newAPI(p.serve(t, anyPort, anyPort).http, key)
	a.must(t, 200, "GET", "/readyz", nil)
	a.must(t, 200, "POST", "/v1/settings", map[string]any{"tz": "Africa/Nairobi"})
	a.tariff(t)
	m := a.meter(t, "04140001001")
	sold, err := a.vend(m.number, 10_000, "sold-in-an-empty-root")
	if err != nil || sold.status != 201 {
		t.Fatalf("a sale: %d %s, %v", sold.status, sold.body, err)
	}
	paper := a.must(t, 200, "GET", sold.text(t, "receipt_url")+"?format=pdf", nil)
	if !bytes.HasPrefix(paper.body, []byte("%PDF-")) {
		t.Errorf("the receipt is no PDF file: %.40q", paper.body)
	}
	p.run(t, "", "backup", "create", "/backup", "--data", p.dir)
	if out := p.run(t, "", "backup", "verify", "/backup"); !strings.Contains(out, "Sound: ") || !strings.Contains(out, "1 sale") {
		t.Errorf("the backup: %s", out)
	}
	if out := p.run(t, "", "doctor", "--data", p.dir); strings.Contains(out, "failed") {
		t.Errorf("doctor: %s", out)
	}
	// A demonstration writes into the temporary folder, and says so where there is none.
	if _, errOut, code := p.try("", "demo", "--once"); code != 1 || !strings.Contains(errOut, "/tmp") {
		t.Errorf("a demonstration without a temporary folder: exit %d, %s", code, errOut)
	}
}
