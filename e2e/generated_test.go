package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// tool runs a command of the module tools/client, or one of its tools, in a folder with a copy of the module.
func tool(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, tail(out.String()), tail(errOut.String()))
	}
	return out.String()
}

// tail returns the end of a long output.
func tail(s string) string { return s[max(0, len(s)-4000):] }

// TestADeveloperWithAGeneratorSells: the document of a running server passes a public linter. The client that a public
// generator makes from it compiles and sells a token, which the meter's key opens.
func TestADeveloperWithAGeneratorSells(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	p := newPlace(t, paywatt(t))
	s := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	key := strings.TrimSpace(p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	c := newAPI(s.http, key)
	c.tariff(t)
	m := c.meter(t, number(7101))

	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "tools", "client"))); err != nil {
		t.Fatal(err)
	}
	for _, doc := range []string{"openapi.json", "openapi-3.0.json"} {
		body := c.must(t, 200, "GET", "/v1/"+doc, nil).body
		if err := os.WriteFile(filepath.Join(dir, doc), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("figures: linter: %s", last(tool(t, dir, nil, "run", "./lint", "openapi.json")))
	if err := os.MkdirAll(filepath.Join(dir, "gen"), 0o700); err != nil {
		t.Fatal(err)
	}
	tool(t, dir, nil, "tool", "oapi-codegen", "-generate", "types,client", "-package", "gen", "-o", "gen/gen.go", "openapi-3.0.json")
	env := []string{"PAYWATT_URL=http://" + s.http, "PAYWATT_KEY=" + key}
	digits := strings.TrimSpace(tool(t, dir, env, "run", "./sell", m.number, "10000", "KES"))
	out := p.run(t, "abababababababab\n", "token", "decode", digits, "--vending-key-file", "-", "--dkga", "02", "--number", m.number,
		"--sgc", "123456", "--krn", "1", "--kt", "2", "--ti", "01", "-o", "json")
	if !strings.Contains(out, `"units_tenths": 347`) {
		t.Errorf("the token that the generated client bought says %s, want 34.7 kWh", out)
	}
}

// last returns the last line of an output.
func last(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
