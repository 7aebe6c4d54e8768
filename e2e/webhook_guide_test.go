package e2e

import (
	"bytes"
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/poster"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/webhook"
)

// npmWebhooks checks signatures of Standard Webhooks. It is not ours.
const npmWebhooks = "standardwebhooks@1.1.1"

// TestProgramsOfTheGuideCheckWebhooks posts events to the receiving programs of the guide, one of which uses a library of others. They take an
// event with the right signature, alone or beside one of another secret, and refuse a changed body, another secret and an old time.
func TestProgramsOfTheGuideCheckWebhooks(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	page, err := os.ReadFile("../docs/guide/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := codeblock.Of("docs/guide/webhooks.md", string(page))
	if err != nil {
		t.Fatal(err)
	}
	programs := 0
	for _, b := range blocks {
		dir, run := t.TempDir(), []string(nil)
		switch b.Kind {
		case "js":
			run = []string{"node", "receiver.mjs"}
		case "python":
			run = []string{"python3", "receiver.py"}
		case "go":
			run = []string{"go", "run", "receiver.go"}
		default:
			continue
		}
		programs++
		t.Run(b.Kind, func(t *testing.T) {
			if b.Kind == "js" {
				dir = filepath.Dir(npm(t, npmWebhooks))
			}
			if err := os.WriteFile(filepath.Join(dir, run[len(run)-1]), []byte(b.Text), 0o600); err != nil {
				t.Fatal(err)
			}
			receive(t, dir, run)
		})
	}
	if programs != 3 {
		t.Errorf("%d programs on the page, want 3", programs)
	}
}

// receive runs a receiving program and posts events to it.
func receive(t *testing.T, dir string, run []string) {
	needed(t, run[0])
	secret, other := []byte("a secret of thirty-two bytes...."), []byte("another one of thirty-two bytes.")
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	var said bytes.Buffer
	cmd := exec.Command(run[0], run[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	cmd.Env = append(os.Environ(), "PORT="+port, "WEBHOOK_SECRET=whsec_"+base64.StdEncoding.EncodeToString(secret))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // "go run" starts another program
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	await.True(t, "the receiving program listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	p, body, now := poster.New(nil, time.Now), `{"type":"webhook.test","timestamp":"2026-11-25T12:00:00Z","sequence":7,"data":{"webhook":"whk_1"}}`, time.Now()
	for _, c := range []struct {
		name    string
		secrets [][]byte
		at      time.Time
		body    string
		want    int
	}{
		{"signed", [][]byte{secret}, now, body, http.StatusNoContent},
		{"signed with the new and the old secret", [][]byte{other, secret}, now, body, http.StatusNoContent},
		{"another secret", [][]byte{other}, now, body, http.StatusUnauthorized},
		{"a changed body", [][]byte{secret}, now, strings.Replace(body, "7", "8", 1), http.StatusUnauthorized},
		{"an old time", [][]byte{secret}, now.Add(-10 * time.Minute), body, http.StatusUnauthorized},
	} {
		a := p.Post(t.Context(), webhook.Request{URL: "http://" + address, AllowPrivate: true, Event: "evt_1", At: c.at, Signature: webhook.Sign(c.secrets, "evt_1", c.at, body), Body: c.body})
		if a.Status != c.want {
			t.Errorf("%s: %+v, want %d\n%s", c.name, a, c.want, said.String())
		}
	}
}
