package arch_test

import (
	"go/ast"
	"strconv"
	"strings"
	"testing"
)

// TestATestDrawsFromASeed: a test that draws from the source of the whole process gives another result to everybody, and falls by chance when
// the draws reach no state that it wants. It draws from rand.New with tier.Seed.
func TestATestDrawsFromASeed(t *testing.T) {
	seeded := 0
	for _, f := range files(t) {
		name := importedAs(f, "math/rand/v2")
		if !f.test() || name == "" {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is {
				return true
			}
			switch drawn := calledFrom(call, name); {
			case strings.HasPrefix(drawn, "New"):
				seeded++
			case drawn != "":
				t.Errorf("%s/%s:%d: rand.%s has no seed: draw from rand.New(rand.NewPCG(tier.Seed(t), 0))", f.dir, f.name, f.set.Position(n.Pos()).Line, drawn)
			}
			return true
		})
	}
	if seeded < 100 {
		t.Errorf("only %d draws with a seed found: the test looks at the wrong place", seeded)
	}
}

// importedAs returns the name that a package has in a file, or "" if the file does not import it.
func importedAs(f file, path string) string {
	for _, i := range f.tree.Imports {
		if i.Path.Value != strconv.Quote(path) {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		return "rand"
	}
	return ""
}

// calledFrom returns the function of a package that is called, or "".
func calledFrom(call *ast.CallExpr, pkg string) string {
	called := call.Fun
	if generic, is := called.(*ast.IndexExpr); is { // rand.N[T]
		called = generic.X
	}
	s, is := called.(*ast.SelectorExpr)
	if !is {
		return ""
	}
	if x, is := s.X.(*ast.Ident); !is || x.Name != pkg {
		return ""
	}
	return s.Sel.Name
}
