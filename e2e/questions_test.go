package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// asks starts a command of the place in a terminal.
func (p *place) asks(t *testing.T, args ...string) *terminal {
	t.Helper()
	return openTerminal(t, 200, 50, append(p.env, "PAYWATT_PASSPHRASE_FILE="+p.pass), strings.Join(append([]string{p.bin}, args...), " "))
}

// answers answers the question, and waits for the exit code of the command.
func (s *terminal) answers(question, answer, code string) {
	s.t.Helper()
	s.has(question + " Type yes:")
	s.types(answer)
	s.presses("Enter")
	s.has("left with " + code)
}

// TestARestoreAsksAtATerminal: at a terminal, a restore without a head asks. With any answer but yes it restores nothing, and with yes the books say
// that nothing was compared.
func TestARestoreAsksAtATerminal(t *testing.T) {
	tier.Slow(t)
	t.Parallel()
	p := newPlace(t, paywatt(t))
	p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	kept, restored := filepath.Join(t.TempDir(), "kept"), filepath.Join(t.TempDir(), "restored")
	p.run(t, "", "backup", "create", kept, "--data", p.dir)
	const question = "Restore it without a head?"
	for _, answer := range []string{"no", "y", ""} {
		p.asks(t, "backup", "restore", kept, "--data", restored, "--trust-clock").answers(question, answer, "2")
		if _, err := os.Stat(restored); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("after the answer %q the folder of the restored books: %v", answer, err)
		}
	}
	p.asks(t, "backup", "restore", kept, "--data", restored, "--trust-clock").answers(question, "yes", "0")
	if out := p.run(t, "", "verify", "--data", restored); !strings.Contains(out, "not compared with a head kept elsewhere") {
		t.Errorf("verification does not say that the restore had no head:\n%s", out)
	}
}

// TestAnApprovalAsksAtATerminal: at a terminal, the second person sees what a request does before the question, and any answer but yes approves
// nothing.
func TestAnApprovalAsksAtATerminal(t *testing.T) {
	tier.Slow(t)
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, anyPort, anyPort)
	second, first := p.personKey(t, "second", "owner"), p.personKey(t, "first", "owner")
	a := newAPI(srv.http, first)
	waiting := a.must(t, 202, "POST", "/v1/tariffs", `{"name":"village","currency":"KES","vat_bps":1500,"flat_micro":3000000}`).text(t, "id")
	p.env = append(p.env, "PAYWATT_URL=http://"+srv.http, "PAYWATT_KEY="+second)
	state := func(want string) {
		t.Helper()
		if got := a.must(t, 200, "GET", "/v1/approvals/"+waiting, nil).text(t, "state"); got != want {
			t.Errorf("the request is %s, want %s", got, want)
		}
	}
	const question = "Approve this request?"
	asked := p.asks(t, "approval", "approve", waiting)
	asked.has("village")
	asked.answers(question, "no", "2")
	state("waiting")
	p.asks(t, "approval", "approve", waiting).answers(question, "yes", "0")
	state("done")
}
