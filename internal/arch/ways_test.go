package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheWaysThroughTheHouse: each step that ARCHITECTURE.md names is a function that is there, a way has at most eight steps,
// and enters no room twice.
func TestTheWaysThroughTheHouse(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, ways, _ := strings.Cut(string(text), "## Three ways through the house")
	ways, _, _ = strings.Cut(ways, "\n## ")
	way, steps, found := "", map[string]int{}, 0
	entered := map[string]bool{}
	step, named := regexp.MustCompile(`^[0-9]+\. `), regexp.MustCompile(`\x60([a-z]+)\.([A-Za-z.]+)\x60`)
	for line := range strings.Lines(ways) {
		if strings.HasPrefix(line, "**") {
			way, entered = strings.Trim(line, "*.\n"), map[string]bool{}
		}
		if !step.MatchString(line) {
			continue
		}
		if steps[way]++; steps[way] > 8 {
			t.Errorf("%s: more than eight steps", way)
		}
		names := named.FindAllStringSubmatch(line, -1)
		if len(names) == 0 || entered[names[0][1]] {
			t.Errorf("%s: this step names no function, or enters a room again: %s", way, line)
			continue
		}
		entered[names[0][1]] = true
		for _, n := range names {
			if found++; !declared(t, n[1], n[2]) {
				t.Errorf("%s: there is no %s.%s", way, n[1], n[2])
			}
		}
	}
	if len(steps) != 3 || found < 19 {
		t.Errorf("%d ways with %d functions: the test looks at the wrong place", len(steps), found)
	}
}

// declared reports whether a package of this name has a function, or "Type.Method".
func declared(t *testing.T, pkg, name string) bool {
	for _, dir := range []string{"../../internal/" + pkg, "../../internal/store/" + pkg, "../../" + pkg} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && full(fn) == name {
					return true
				}
			}
		}
	}
	return false
}

// full is the name of a function, of a method with its type before it.
func full(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	of := fn.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	if typ, ok := of.(*ast.Ident); ok {
		return typ.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}
