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

// largeInterfaces are the interfaces that still have more, with the number of their methods. A number may only fall.
func largeInterfaces() map[string]int {
	return map[string]int{
		"command.CourierTx": 32, "command.SignTx": 29, "command.Tx": 35, "intake.Tx": 48, "notify.Tx": 51,
		"wallet.Tx": 46,
	}
}

// TestInterfacesStaySmall: no interface of a use case has more than 25 methods, embedded ones counted.
func TestInterfacesStaySmall(t *testing.T) {
	large, seen := largeInterfaces(), 0
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
			full, n := strings.TrimPrefix(dir, "internal/")+"."+name, i.NumMethods()
			switch listed := large[full]; {
			case n > max(listed, mostMethods):
				t.Errorf("%s has %d methods, at most %d: split it, and reach the rows of another use case through an accessor", full, n, max(listed, mostMethods))
			case listed > 0 && n < listed:
				t.Errorf("%s has %d methods, %d are listed: lower the number in largeInterfaces(), or take it off", full, n, listed)
			}
			delete(large, full)
		}
	}
	for name := range large {
		t.Errorf("%s is no more: take it off largeInterfaces()", name)
	}
	if seen < 50 {
		t.Errorf("found only %d interfaces of use cases: the test looks at the wrong place", seen)
	}
}
