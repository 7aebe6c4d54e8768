package arch_test

import (
	"go/ast"
	"testing"
)

// TestZonesComeThroughOneDoor: package localday answers an unknown zone so that it becomes a refusal with its name, and it refuses "Local", which is
// another zone on each machine.
func TestZonesComeThroughOneDoor(t *testing.T) {
	found := 0
	for _, f := range files(t) {
		if f.test() {
			continue
		}
		names := importNames(f.tree)
		ast.Inspect(f.tree, func(n ast.Node) bool {
			s, is := n.(*ast.SelectorExpr)
			if !is || packageOf(names, s) != "time" || s.Sel.Name != "LoadLocation" {
				return true
			}
			if found++; f.dir != "internal/localday" {
				t.Errorf("%s/%s:%d loads a zone itself: call localday.LoadZone", f.dir, f.name, f.set.Position(n.Pos()).Line)
			}
			return true
		})
	}
	if found == 0 {
		t.Error("no zone is loaded: the test looks at the wrong place")
	}
}
