package arch_test

import (
	"go/ast"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestEveryTestOfARacedPackageRuns: ./check tests some packages only under the race detector. A test of theirs that skips there would run in
// no part of ./check.
func TestEveryTestOfARacedPackageRuns(t *testing.T) {
	raced := racedPackages(t)
	tests := 0
	for _, f := range files(t) {
		if !f.test() || !raced[f.dir] {
			continue
		}
		names := importNames(f.tree)
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if d, is := n.(*ast.FuncDecl); is && strings.HasPrefix(d.Name.Name, "Test") {
				tests++
			}
			s, is := n.(*ast.SelectorExpr)
			if is && packageOf(names, s) == module+"/internal/tier" && (s.Sel.Name == "OneGoroutine" || s.Sel.Name == "AsShipped") {
				t.Errorf("%s/%s:%d: this test skips under the race detector, and ./check runs %s only there: do less if tier.Race instead",
					f.dir, f.name, f.set.Position(n.Pos()).Line, f.dir)
			}
			return true
		})
	}
	if tests < 100 {
		t.Errorf("the packages %v have only %d tests: this test looks at the wrong place", raced, tests)
	}
}

// racedPackages returns the folders of the packages that the script check tests only under the race detector.
func racedPackages(t *testing.T) map[string]bool {
	t.Helper()
	script, err := os.ReadFile("../../check")
	if err != nil {
		t.Fatal(err)
	}
	listed := regexp.MustCompile(`(?m)^race=\$\(go list \./(\S+) \./(\S+)/\{(\S+)\}\)`).FindSubmatch(script)
	if listed == nil {
		t.Fatal("check has no line race=$(go list ./PACKAGE ./FOLDER/{PACKAGE,PACKAGE})")
	}
	raced := map[string]bool{string(listed[1]): true}
	for _, name := range strings.Split(string(listed[3]), ",") {
		raced[path.Join(string(listed[2]), name)] = true
	}
	return raced
}
