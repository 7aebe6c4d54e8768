package e2e

import (
	"fmt"
	"go/format"
	"html"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// TestTheExamplesOfTheDocsWork: every example of /docs is right in its language, and those of a utility's first steps do on a new server what
// they say, in each language.
func TestTheExamplesOfTheDocsWork(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	needed(t, "bash", "curl", "python3")
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	key := p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	base := "http://" + srv.http
	all := map[string]map[string]string{} // by operation, then by language
	for _, m := range regexp.MustCompile(`href="(/docs/topic/\w+)"`).FindAllStringSubmatch(pageOf(t, base+"/docs"), -1) {
		for _, section := range strings.Split(pageOf(t, base+m[1]), "<section ")[1:] {
			op := regexp.MustCompile(`labelledby="([^"]+)"`).FindStringSubmatch(section)[1]
			all[op] = map[string]string{}
			for _, e := range regexp.MustCompile(`(?s)<summary>(\w+)</summary><pre><code>(.*?)</code></pre>`).FindAllStringSubmatch(section, -1) {
				all[op][e[1]] = html.UnescapeString(e[2])
			}
		}
	}
	if len(all) < 100 {
		t.Fatalf("only %d operations have a page", len(all))
	}
	var shell, python strings.Builder
	for op, e := range all {
		if e["curl"] == "" || e["Go"] == "" || e["Python"] == "" {
			t.Errorf("%s has no examples: %v", op, e)
		}
		shell.WriteString("f() {\n" + e["curl"] + "}\n")
		python.WriteString("def f():\n    " + strings.ReplaceAll(e["Python"], "\n", "\n    ") + "\n")
	}
	for _, c := range []struct {
		text string
		run  []string
	}{{shell.String(), []string{"bash", "-n"}}, {python.String(), []string{"python3", "-c", "import ast, sys; ast.parse(sys.stdin.read())"}}} {
		if out, err := example(c.text, nil, c.run...); err != nil {
			t.Errorf("%v: %s", c.run, out)
		}
	}
	program := goExamples(t, all)
	// After the first time, in another language, a name that must be new is taken.
	env := append(os.Environ(), "PAYWATT_URL="+base, "PAYWATT_KEY="+strings.TrimSpace(key))
	for _, c := range []struct{ op, curl, others string }{
		{"version", `"version"`, "200 "}, {"publish-tariff", `"name":"domestic"`, "409 "}, {"add-meter", `"number":"04140001001"`, "409 "},
		{"meters", `"04140001001"`, "200 "}, {"meter", `"04140001001"`, "200 "}, {"search", `"data"`, "200 "}, {"settings", `"tz"`, "200 "},
	} {
		if out, err := example(all[c.op]["curl"], env, "bash"); err != nil || !strings.Contains(out, c.curl) {
			t.Errorf("%s with curl: %v\n%s\n%s", c.op, err, out, all[c.op]["curl"])
		}
		if out, err := example("", env, program, c.op); err != nil || !strings.HasPrefix(out, c.others) {
			t.Errorf("%s with Go: %v\n%s\n%s", c.op, err, out, all[c.op]["Go"])
		}
		if out, err := example(all[c.op]["Python"], env, "python3", "-"); err != nil || !strings.HasPrefix(out, c.others) {
			t.Errorf("%s with Python: %v\n%s\n%s", c.op, err, out, all[c.op]["Python"])
		}
	}
	if found := pageOf(t, base+"/docs?q=reverse+sale"); !strings.Contains(found, "#reverse\"") || strings.Contains(found, "#publish-tariff\"") {
		t.Errorf("the search finds\n%s", found)
	}
}

// goExamples checks that the examples in Go are written as gofmt would, and compiles all of them into one program. The program runs the one
// that its argument names.
func goExamples(t *testing.T, all map[string]map[string]string) (program string) {
	t.Helper()
	dir := t.TempDir()
	choose := "package main\n\nimport \"os\"\n\nfunc main() {\n\tmap[string]func(){\n"
	n := 0
	for op, e := range all {
		if formatted, err := format.Source([]byte(e["Go"])); err != nil || string(formatted) != e["Go"] {
			t.Fatalf("%s in Go: %v, want\n%s\ngot\n%s", op, err, formatted, e["Go"])
		}
		n++
		write(t, filepath.Join(dir, fmt.Sprintf("example%d.go", n)), strings.Replace(e["Go"], "func main()", fmt.Sprintf("func example%d()", n), 1), 0o600)
		choose += fmt.Sprintf("\t\t%q: example%d,\n", op, n)
	}
	write(t, filepath.Join(dir, "main.go"), choose+"\t}[os.Args[1]]()\n}\n", 0o600)
	write(t, filepath.Join(dir, "go.mod"), "module examples\n\ngo 1.26\n", 0o600)
	program = filepath.Join(dir, "examples")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compile the examples in Go: %v\n%s", err, out)
	}
	return program
}

// example runs a program that reads the text.
func example(text string, env []string, command ...string) (string, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Env = strings.NewReader(text), slices.Clone(env)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func pageOf(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	buf := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if resp.StatusCode != 200 {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	return b.String()
}
