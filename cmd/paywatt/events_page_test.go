package main

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// constants finds the constants that a folder of the repository declares with a type of this name. The result maps the value of each
// constant, as the source writes it, to the constant's name.
func constants(t *testing.T, dir, typeName string) map[string]string {
	t.Helper()
	found, set := map[string]string{}, gotoken.NewFileSet()
	err := filepath.WalkDir(filepath.Join(repository, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 || len(v.Names) != 1 || typeOf(v.Type) != typeName {
				return true
			}
			if lit, ok := v.Values[0].(*ast.BasicLit); ok {
				found[strings.Trim(lit.Value, `"`)] = v.Names[0].Name
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// typeOf returns a type's name without its package.
func typeOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// TestEventsAndAlarmsAreExplained: the page has a row for each alarm that the server raises and each event that a meter
// reports, and no others.
func TestEventsAndAlarmsAreExplained(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "docs", "reference", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		row  *regexp.Regexp
		want map[string]string
		few  int
	}{
		"alarm": {regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([^|]+) \\| ([^|]+) \\|$"), constants(t, "internal", "AlarmCode"), 13},
		"event": {regexp.MustCompile(`(?m)^\| (\d{3}) \| ([^|]+) \| ([^|]*)\| ([^|]*)\|$`), constants(t, "meter", "Code"), 40},
	} {
		rows := map[string]bool{}
		for _, m := range c.row.FindAllStringSubmatch(string(page), -1) {
			if rows[m[1]] {
				t.Errorf("%s %s has two rows", what, m[1])
			}
			rows[m[1]] = true
			if c.want[m[1]] == "" {
				t.Errorf("%s %s is explained and does not exist", what, m[1])
			}
		}
		for code, name := range c.want {
			if !rows[code] {
				t.Errorf("%s %s (%s) is not explained", what, code, name)
			}
		}
		if len(c.want) < c.few {
			t.Errorf("only %d codes found: the test does not see them", len(c.want))
		}
	}
}

// TestDoubtsAreExplained: the page of the quarantine has a row for each doubt, and no others.
func TestDoubtsAreExplained(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "docs", "reference", "quarantine.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		rows[row[1]] = true
	}
	known := constants(t, filepath.Join("internal", "metering"), "Doubt")
	for doubt, name := range known {
		if !rows[doubt] {
			t.Errorf("docs/reference/quarantine.md says nothing of %s (%s)", doubt, name)
		}
	}
	if len(rows) != len(known) || len(known) == 0 {
		t.Errorf("docs/reference/quarantine.md has %d rows, the code %d doubts", len(rows), len(known))
	}
}
