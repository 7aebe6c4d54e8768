package arch_test

import (
	"go/importer"
	"go/token"
	gotypes "go/types"
	"io"
	"os"
	"strings"
	"testing"
)

// mostMethods is how many methods an interface of a use case may have, embedded ones counted. Where a use case needs more of a
// transaction, it reaches the rows of another one through an accessor, such as tx.Debts().
const mostMethods = 25

// TestInterfacesStaySmall: no interface of a use case has more than 25 methods, embedded ones counted.
func TestInterfacesStaySmall(t *testing.T) {
	seen := 0
	exports := map[string]string{}
	for line := range strings.Lines(goCommand(t, "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "../../cmd/paywatt")) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	compiled := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for path := range exports {
		dir, ours := strings.CutPrefix(path, module+"/")
		if _, layer, ok := room(dir); !ours || !ok || layer != 2 {
			continue
		}
		pkg, err := compiled.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range pkg.Scope().Names() {
			tn, is := pkg.Scope().Lookup(name).(*gotypes.TypeName)
			if !is {
				continue
			}
			i, is := tn.Type().Underlying().(*gotypes.Interface)
			if !is {
				continue
			}
			seen++
			if n := i.NumMethods(); n > mostMethods {
				t.Errorf("%s.%s has %d methods, at most %d: split it, and reach the rows of another use case through an accessor", dir, name, n, mostMethods)
			}
		}
	}
	if seen < 50 {
		t.Errorf("found only %d interfaces of use cases: the test looks at the wrong place", seen)
	}
}
