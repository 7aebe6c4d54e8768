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
			case drawn == "NewPCG" && isNumber(n.(*ast.CallExpr).Args[0]) && drawsAlike[f.dir+"/"+f.name] == "":
				line := f.set.Position(n.Pos()).Line
				t.Errorf("%s/%s:%d: the test draws the same in every ./check long: use tier.Seed(t), or say in drawsAlike why it must", f.dir, f.name, line)
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

// drawsAlike says why tests of a file always draw the same.
var drawsAlike = map[string]string{
	"internal/vending/shoptest/acts_end_test.go": "a history that is played again with fewer acts ends as it did",
	"meter/journal/format_test.go":               "a file has the bytes of each version",
	"tools/mutate/mutate_test.go":                "the seed is what the test is about",
}

// isNumber reports whether an expression is a number that stands there.
func isNumber(e ast.Expr) bool {
	_, is := e.(*ast.BasicLit)
	return is
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
