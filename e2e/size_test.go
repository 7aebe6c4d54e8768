package e2e

import (
	"debug/buildinfo"
	"debug/elf"
	"debug/gosym"
	"encoding/json"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/keystore"
)

// TestTheServerIsSmall checks that the idle server uses at most 100 MB of resident memory. It also prints the size of the binary, and how much
// of it third-party modules take up. They are assumed to have the same share of the file as of the machine code.
func TestTheServerIsSmall(t *testing.T) {
	p := emptyPlace(t, paywatt(t))
	p.keyAt(t, keystore.DefaultParams())
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	// Unlocking the key store briefly took 64 MiB, which the runtime gives back.
	rss := int64(0)
	await.True(t, "the idle server needs at most 100 MB", func() bool { rss = srv.rss(t); return rss <= 100_000_000 })
	info, err := os.Stat(p.bin)
	if err != nil {
		t.Fatal(err)
	}
	code, theirs := machineCode(t, p.bin)
	share := float64(info.Size()) * float64(theirs) / float64(code)
	t.Logf("figures: idle server %.1f MB resident, binary %.1f MB, third-party modules %.1f MB of it", float64(rss)/1e6, float64(info.Size())/1e6, share/1e6)
}

// machineCode adds up the sizes of a binary's functions, and of those in third-party modules.
func machineCode(t *testing.T, bin string) (all, theirs uint64) {
	t.Helper()
	build, err := buildinfo.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := f.Section(".gopclntab").Data()
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(lines, f.Section(".text").Addr))
	if err != nil || len(symbols.Funcs) < 10_000 {
		t.Fatalf("read the table of functions: %v", err)
	}
	for _, fn := range symbols.Funcs {
		all += fn.End - fn.Entry
		if slices.ContainsFunc(build.Deps, func(m *debug.Module) bool {
			return strings.HasPrefix(fn.Name, m.Path+"/") || strings.HasPrefix(fn.Name, m.Path+".")
		}) {
			theirs += fn.End - fn.Entry
		}
	}
	return all, theirs
}

// TestLicencesTravelWithTheBinary gets from the binary the texts of every module in its build information.
func TestLicencesTravelWithTheBinary(t *testing.T) {
	t.Parallel()
	bin := paywatt(t)
	build, err := buildinfo.ReadFile(bin)
	if err != nil || len(build.Deps) < 40 {
		t.Fatalf("the binary names %d modules, %v", len(build.Deps), err)
	}
	out, err := exec.Command(bin, "licenses", "-o", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []struct{ Name, Version, Text string }
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for _, l := range list {
		have[l.Name+" "+l.Version] = l.Text
	}
	for _, m := range build.Deps {
		if text := have[m.Path+" "+m.Version]; !strings.HasPrefix(text, "== ") {
			t.Errorf("%s %s has no licence text", m.Path, m.Version)
		}
		delete(have, m.Path+" "+m.Version)
	}
	others := []string{"go " + build.GoVersion, "htmx.org 4.0.1", "uplot 1.6.32", "lucide-static 1.62.0", "dejavu-fonts 2.37", "unifont 15.0.01"}
	for _, name := range others {
		if have[name] == "" {
			t.Errorf("%s has no licence text", name)
		}
	}
	if len(have) != len(others) {
		t.Errorf("beside the modules there are %d texts, want those of %v", len(have), others)
	}
}
