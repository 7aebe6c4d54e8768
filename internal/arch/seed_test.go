package arch_test

import (
	"go/ast"
	"strings"
	"testing"
)

// TestATestDrawsFromASeed: a test that draws without a seed gives a different result to everybody. It fails by chance when its draws do not
// reach a state that it wants. So it must draw from rand.New with tier.Seed.
func TestATestDrawsFromASeed(t *testing.T) {
	seeded := 0
	for _, f := range files(t) {
		if !f.test() {
			continue
		}
		names := importNames(f.tree)
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch drawn := randomCall(names, n); {
			case strings.HasPrefix(drawn, "New"):
				seeded++
			case drawn != "":
				line := f.set.Position(n.Pos()).Line
				t.Errorf("%s/%s:%d: rand.%s has no seed: draw from rand.New(rand.NewPCG(tier.Seed(t), 0))", f.dir, f.name, line, drawn)
			}
			return true
		})
	}
	if seeded < 100 {
		t.Errorf("only %d draws with a seed found: the test looks at the wrong place", seeded)
	}
}

// randomCall returns the function of math/rand/v2 that is called, or "".
func randomCall(names map[string]string, n ast.Node) string {
	call, is := n.(*ast.CallExpr)
	if !is {
		return ""
	}
	called := call.Fun
	if generic, is := called.(*ast.IndexExpr); is { // rand.N[T]
		called = generic.X
	}
	s, is := called.(*ast.SelectorExpr)
	if !is || packageOf(names, s) != "math/rand/v2" {
		return ""
	}
	return s.Sel.Name
}
