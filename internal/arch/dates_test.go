package arch_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// datedScripts lists the scripts that may name a day to come, with the reason.
func datedScripts() map[string]string {
	return map[string]string{
		"sim.txt":    "the simulator starts its own clock at this time",
		"vmeter.txt": "the virtual meter's clock is set to this time",
	}
}

// later is a day or month after November 2026. What a script or a test says about an earlier one stays true.
var later = regexp.MustCompile(`\b(2026-12|202[7-9]-\d\d|20[34]\d-\d\d)(-\d\d)?\b`)

// TestScriptsNameNoDayToCome checks the scripts of commands. Their servers have the machine's clock: what a script says about a day to
// come is false from that day on. go run ./tools/otherday runs tests on such a day.
func TestScriptsNameNoDayToCome(t *testing.T) {
	scripts, err := filepath.Glob("../../cmd/paywatt/testdata/script/*.txt")
	if err != nil || len(scripts) < 10 {
		t.Fatalf("found %d scripts: %v", len(scripts), err)
	}
	used := map[string]bool{}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		for i, line := range strings.Split(string(text), "\n") {
			day := later.FindString(line)
			if day == "" {
				continue
			}
			used[name] = true
			if datedScripts()[name] == "" {
				t.Errorf("%s:%d: %s will come: use $NEXT_JANUARY or $NEXT_MONTH, or give the reason in datedScripts", name, i+1, day)
			}
		}
	}
	for name := range datedScripts() {
		if !used[name] {
			t.Errorf("%s needs no exception any more", name)
		}
	}
}

// TestTestsOfServersNameNoDayToCome checks the Go tests of packages whose tests start the whole server. Its clock is the machine's, so a test
// that names a day to come fails from that day on. Other packages give their code a clock of their own, and may name any day.
func TestTestsOfServersNameNoDayToCome(t *testing.T) {
	serving := map[string]bool{"internal/app": true, "e2e": true} // e2e starts the binary
	for _, f := range files(t) {
		for _, i := range f.tree.Imports {
			if f.test() && i.Path.Value == strconv.Quote(module+"/internal/app") {
				serving[f.dir] = true
			}
		}
	}
	if len(serving) < 5 {
		t.Errorf("only %d packages start a server", len(serving))
	}
	for _, f := range files(t) {
		if !f.test() || !serving[f.dir] {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if day := dayToCome(n); day != "" {
				t.Errorf("%s/%s:%d: %s will come: take the day from the clock, such as time.Now().AddDate(1, 0, 0)", f.dir, f.name, f.set.Position(n.Pos()).Line, day)
			}
			return true
		})
	}
}

// dayToCome returns the day that a text or a call of time.Date names, if it is one to come.
func dayToCome(n ast.Node) string {
	switch n := n.(type) {
	case *ast.BasicLit:
		if n.Kind == token.STRING {
			return later.FindString(n.Value)
		}
	case *ast.CallExpr:
		if name, ok := n.Fun.(*ast.SelectorExpr); !ok || name.Sel.Name != "Date" || len(n.Args) != 8 {
			return ""
		}
		year, is := n.Args[0].(*ast.BasicLit)
		if !is {
			return ""
		}
		month := "01" // of a month that a variable names, only the year counts
		switch m := n.Args[1].(type) {
		case *ast.BasicLit:
			month = fmt.Sprintf("%02s", m.Value)
		case *ast.SelectorExpr:
			if m.Sel.Name == time.December.String() {
				month = "12"
			}
		}
		return later.FindString(year.Value + "-" + month)
	}
	return ""
}
