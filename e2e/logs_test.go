package e2e

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// recorder is a test whose errors another test reads.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestA" }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// TestALimitOfAServerIsAWait: a warning that only says that the server waited for too long may pass when the test runs again, and no other one.
func TestALimitOfAServerIsAWait(t *testing.T) {
	const late = `time=2026-03-02T08:00:01Z level=WARN msg="meter login failed" err="look up the login: context deadline exceeded"`
	const lost = `time=2026-03-02T08:00:01Z level=ERROR msg="rows were not sealed" err="no such table"`
	l := &serverLogs{t: t}
	fmt.Fprintf(l.newLog(), "%s\n%s\n", late, lost)
	r := &recorder{TB: t}
	l.judge(r)
	if want := []string{await.NotInTime + ": TestA: unexpected in the log of a server: " + late, "TestA: unexpected in the log of a server: " + lost}; !slices.Equal(r.errors, want) {
		t.Errorf("the judge says %q, want %q", r.errors, want)
	}
}

// judged are the functions that give the log of a program to a judge, and place.try, whose caller reads what a server says that does not start.
// Pages start their servers in a [follower], which judges what its commands write.
func judged() []string { return []string{"start", "running", "startProcess", "try"} }

// TestEveryServerIsJudged: no test starts a server but through the functions whose logs are judged.
func TestEveryServerIsJudged(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	servers := 0
	for _, file := range files {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.PreorderStack(f, nil, func(n ast.Node, above []ast.Node) bool {
			text, is := n.(*ast.BasicLit)
			if !is || text.Value != `"serve"` {
				return true
			}
			if list, is := above[len(above)-1].(*ast.CompositeLit); is && len(list.Elts) == 2 && isText(list.Elts[0], `"modem"`) {
				return true // another command of the same name
			}
			if servers++; !slices.ContainsFunc(above, startsJudged) && !strings.HasPrefix(file, "follower_") {
				t.Errorf("%s: nobody judges the log of this server: start it with one of %q", set.Position(n.Pos()), judged())
			}
			return true
		})
	}
	if servers < 5 {
		t.Errorf("this test found only %d servers", servers)
	}
}

func isText(n ast.Node, want string) bool {
	text, is := n.(*ast.BasicLit)
	return is && text.Value == want
}

// startsJudged reports whether a node is a call of a function of judged, or is the function itself.
func startsJudged(n ast.Node) bool {
	name := ""
	switch n := n.(type) {
	case *ast.FuncDecl:
		name = n.Name.Name
	case *ast.CallExpr:
		switch f := n.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
		}
	}
	return slices.Contains(judged(), name)
}
