package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// TestACommitThatErrorsIsUnknownAndStopsMinting: COMMIT reports an error although it succeeded. The answer says that the outcome is
// unknown, selling stops, and after a restart a request with the same key gets the one sale.
func TestACommitThatErrorsIsUnknownAndStopsMinting(t *testing.T) {
	t.Parallel()
	p := newPlace(t, buildOnce(t, "faultinject"))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	key := p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	a := newAPI(srv.http, key)
	a.tariff(t)
	m := a.meter(t, number(7001))
	a.mustVend(t, m.number, 10_000, "before-the-fault")
	srv.stop()

	healthy := p.env
	p.expect(diskIsBroken...)
	p.expect(databaseIsAway...)
	p.env = append(append([]string(nil), healthy...), "FAULT_INJECT=commit-error")
	srv = p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a = newAPI(srv.http, key)
	for _, c := range []struct{ ref, code, moved string }{{"in-doubt-1", "outcome-unknown", "unknown"}, {"after-it-2", "storage-unavailable", "no"}, {"after-it-3", "storage-unavailable", "no"}} {
		got, err := a.vend(m.number, 10_000, c.ref)
		if err != nil {
			t.Fatal(err)
		}
		if got.status != 503 || got.text(t, "code") != c.code || got.text(t, "money_moved") != c.moved {
			t.Errorf("%s, at or after a COMMIT that errored: %d %s, want %s", c.ref, got.status, got.body, c.code)
		}
		clean(t, "commit error", string(got.body))
	}
	a.must(t, 503, "GET", "/readyz", nil)
	// Reads continue; only token digits stay hidden, because showing them could not be recorded.
	a.must(t, 200, "GET", "/v1/meters/"+m.number, nil)
	srv.stop()

	p.env = healthy
	srv = p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a = newAPI(srv.http, key)
	one := a.mustVend(t, m.number, 10_000, "in-doubt-1")
	two := a.mustVend(t, m.number, 10_000, "in-doubt-1")
	if !bytes.Equal(one.body, two.body) {
		t.Errorf("one key, two answers:\n%s\n%s", one.body, two.body)
	}
	list := a.must(t, 200, "GET", "/v1/vends?client_ref=in-doubt-1", nil)
	if v, err := parseSale(list); err != nil || v.digits != one.text(t, "tokens", 0, "digits") {
		t.Errorf("the sale in doubt exists other than once: %s", list.body)
	}
	p.run(t, "", "verify", "--data", p.dir)
}

// TestAReleaseCannotBeToldToMisbehave: the faults of the store are not in a release binary, and the linker did not allow it to switch rules off.
func TestAReleaseCannotBeToldToMisbehave(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bin  string
		want bool
	}{{paywatt(t), false}, {buildOnce(t, "faultinject"), true}} {
		b, err := os.ReadFile(c.bin)
		if err != nil {
			t.Fatal(err)
		}
		for _, mark := range []string{"acknowledge-before-commit", rulesMayBeOff} {
			if got := bytes.Contains(b, []byte(mark)); got != c.want {
				t.Errorf("%s contains %q: %v, want %v", c.bin, mark, got, c.want)
			}
		}
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Fatal("the tests need the go command to build the faulty binary")
	}
}
