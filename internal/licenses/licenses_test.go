package licenses_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/licenses"
	"github.com/paywatt/paywatt/internal/tier"
)

var update = flag.Bool("update", false, "write components.txt and texts.json.gz from the build's own module list")

// systems returns the systems for which the binary is built.
func systems() []string { return []string{"linux", "darwin", "windows"} }

// licenceFile matches the files of a module that state its terms.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents)`)

// linked is a component of the build.
type linked struct {
	name, version string
	files         []string // paths of its licence files
	base          string   // base path that is removed from their names
}

// TestComponentsAreThoseOfTheBuild compares the list and every text with the modules whose packages the build links.
func TestComponentsAreThoseOfTheBuild(t *testing.T) {
	tier.Slow(t)
	var list bytes.Buffer
	want := map[string]string{}
	for _, c := range build(t) {
		fmt.Fprintln(&list, strings.TrimSpace(c.name+" "+c.version))
		want[c.name] = c.text(t)
	}
	if *update {
		write(t, list.Bytes(), want)
	}
	have, err := os.ReadFile("components.txt")
	if err != nil || string(have) != list.String() {
		t.Errorf("components.txt (%v) is not the build's list; look at what is new, then run: go test ./internal/licenses -update\n%s", err, list.String())
	}
	all, err := licenses.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if text, ok := want[c.Name]; !ok || text != c.Text {
			t.Errorf("the text of %s is not what the module says, or the module is no longer linked", c.Name)
		}
		delete(want, c.Name)
	}
	for name := range want {
		t.Errorf("the text of %s is missing", name)
	}
}

// TestAllHaveATerm checks that every text in the binary states terms.
func TestAllHaveATerm(t *testing.T) {
	all, err := licenses.All()
	if err != nil || len(all) < 50 {
		t.Fatalf("%d components, %v", len(all), err)
	}
	for _, c := range all {
		if !regexp.MustCompile(`(?i)permission|permitted|licen[cs]e|public domain`).MatchString(c.Text) {
			t.Errorf("the text of %s grants nothing:\n%.200s", c.Name, c.Text)
		}
	}
	if !slices.ContainsFunc(all, func(c licenses.Component) bool { return c.Name == licenses.Go }) {
		t.Error("Go itself is not among the components")
	}
}

// build lists what the build links: the modules of all systems, Go, the vendored script, and the list of common passwords.
func build(t *testing.T) []linked {
	t.Helper()
	all := map[string]*linked{}
	for _, system := range systems() {
		cmd := exec.Command("go", "list", "-deps", "-f", `{{with .Module}}{{.Path}}|{{.Version}}|{{.Dir}}|{{end}}{{.Dir}}`, "github.com/paywatt/paywatt/cmd/paywatt")
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("list the packages for %s: %v", system, err)
		}
		for line := range strings.Lines(string(out)) {
			p := strings.Split(strings.TrimSpace(line), "|")
			if len(p) != 4 || p[1] == "" {
				continue // the package belongs to the standard library or to this module
			}
			c, ok := all[p[0]]
			if !ok {
				c = &linked{name: p[0], version: p[1], base: p[2]}
				all[p[0]] = c
			}
			for dir := p[3]; len(dir) >= len(c.base); dir = filepath.Dir(dir) {
				c.add(t, dir)
			}
		}
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	std := &linked{name: licenses.Go, base: strings.TrimSpace(string(root))}
	std.add(t, std.base)
	assets := filepath.Join("..", "web", "console", "assets")
	htmx := &linked{name: "htmx.org", version: "4.0.1", base: assets, files: []string{filepath.Join(assets, "htmx.LICENSE")}}
	if _, err := os.Stat(filepath.Join(assets, "htmx-"+htmx.version+".min.js.gz")); err != nil {
		t.Error(err)
	}
	icons := &linked{name: "lucide-static", version: "1.62.0", base: assets, files: []string{filepath.Join(assets, "lucide.LICENSE")}}
	if notice, err := os.ReadFile(filepath.Join(assets, "NOTICE.md")); err != nil || !strings.Contains(string(notice), icons.name+", `icons` of the npm package | "+icons.version) {
		t.Errorf("NOTICE.md names another version of %s: %v", icons.name, err)
	}
	uplot := &linked{name: "uplot", version: "1.6.32", base: assets, files: []string{filepath.Join(assets, "uplot.LICENSE")}}
	if _, err := os.Stat(filepath.Join(assets, "uplot-"+uplot.version+".min.js.gz")); err != nil {
		t.Error(err)
	}
	list := filepath.Join("..", "access", "weak")
	passwords := &linked{name: "@zxcvbn-ts/language-common", version: "4.1.3", base: list, files: []string{filepath.Join(list, "passwords.LICENSE")}}
	fonts := filepath.Join("..", "print", "font")
	for _, f := range []linked{{name: "dejavu-fonts", version: "2.37", files: []string{"dejavu.LICENSE"}}, {name: "unifont", version: "15.0.01", files: []string{"unifont.LICENSE"}}} {
		f.base, f.files[0] = fonts, filepath.Join(fonts, f.files[0])
		all[f.name] = &f
	}
	all[std.name], all[htmx.name], all[icons.name], all[uplot.name], all[passwords.name] = std, htmx, icons, uplot, passwords
	var out []linked
	for _, c := range all {
		slices.Sort(c.files)
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b linked) int { return strings.Compare(a.name, b.name) })
	return out
}

// add takes the licence files of a folder.
func (c *linked) add(t *testing.T, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if !e.IsDir() && licenceFile.MatchString(e.Name()) && !strings.HasSuffix(e.Name(), ".go") && !slices.Contains(c.files, name) {
			c.files = append(c.files, name)
		}
	}
}

// text joins the licence files of a component.
func (c linked) text(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, f := range c.files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(c.base, f)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "== %s\n\n%s\n\n", filepath.ToSlash(rel), strings.TrimSpace(strings.ReplaceAll(string(b), "\r\n", "\n")))
	}
	if out.Len() == 0 {
		t.Errorf("%s states no terms (looked on %s)", c.name, runtime.GOOS)
	}
	return out.String()
}

func write(t *testing.T, list []byte, want map[string]string) {
	t.Helper()
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		err = errors.Join(json.NewEncoder(z).Encode(want), z.Close())
	}
	if err == nil {
		err = os.WriteFile("texts.json.gz", out.Bytes(), 0o644)
	}
	if err == nil {
		err = os.WriteFile("components.txt", list, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
