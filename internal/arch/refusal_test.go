package arch_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// TestARefusalIsAValue checks docs/decisions/0004: a refusal is not an error. A function returns it last, or directly before
// the error. A result embeds it, so that the store sees Refused and undoes the transaction. No code uses a pointer to a
// refusal, because a pointer could be nil. An exported function that takes a context is a use case. It never returns a
// refusal next to a value: the value embeds the refusal.
func TestARefusalIsAValue(t *testing.T) {
	for _, f := range files(t) {
		if f.test() || !strings.HasPrefix(f.dir, "internal/") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if f.dir == "internal/refusal" && n.Name.Name == "Error" {
					t.Error("internal/refusal: a refusal implements error")
				}
				if n.Name.IsExported() && takesContext(n.Type) && refusesBesideAValue(n.Type) {
					t.Errorf("%s: %s returns a refusal beside a value; embed it", f.set.Position(n.Pos()), n.Name.Name)
				}
			case *ast.FuncType:
				if n.Results != nil && !refusalLast(types(n.Results)) {
					t.Errorf("%s: a function returns a refusal elsewhere than last or before the error", f.set.Position(n.Pos()))
				}
			case *ast.StructType:
				for _, field := range n.Fields.List {
					if isRefusal(field.Type) && len(field.Names) > 0 {
						t.Errorf("%s: field %s hides a refusal from the store; embed it", f.set.Position(field.Pos()), field.Names[0].Name)
					}
				}
			case *ast.StarExpr:
				if isRefusal(n.X) {
					t.Errorf("%s: a pointer to a refusal", f.set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

// types lists the types of results, one for each value.
func types(results *ast.FieldList) []ast.Expr {
	var out []ast.Expr
	for _, r := range results.List {
		for range max(1, len(r.Names)) {
			out = append(out, r.Type)
		}
	}
	return out
}

// takesContext reports whether the first parameter is a context.
func takesContext(fn *ast.FuncType) bool {
	if len(fn.Params.List) == 0 {
		return false
	}
	s, ok := fn.Params.List[0].Type.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Context"
}

// refusesBesideAValue reports whether a function returns a refusal together with anything but an error.
func refusesBesideAValue(fn *ast.FuncType) bool {
	if fn.Results == nil {
		return false
	}
	all := types(fn.Results)
	return slices.ContainsFunc(all, isRefusal) && slices.ContainsFunc(all, func(e ast.Expr) bool {
		name, ok := e.(*ast.Ident)
		return !isRefusal(e) && !(ok && name.Name == "error")
	})
}

func refusalLast(results []ast.Expr) bool {
	last := len(results) - 1
	for i, r := range results {
		if !isRefusal(r) || i == last {
			continue
		}
		if err, ok := results[last].(*ast.Ident); i != last-1 || !ok || err.Name != "error" {
			return false
		}
	}
	return true
}

func isRefusal(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	p, ok := s.X.(*ast.Ident)
	return ok && p.Name == "refusal" && s.Sel.Name == "Refusal"
}

// TestRefusalsComeFromTheCatalogue: only the constructors of internal/refuse fill a refusal in, so that every refusal has a text that can
// be translated.
func TestRefusalsComeFromTheCatalogue(t *testing.T) {
	empty := 0
	for _, f := range files(t) {
		if f.test() || f.dir == "internal/refuse" {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if to, is := n.(*ast.AssignStmt); is && slices.ContainsFunc(to.Lhs, isSentence) && !slices.Contains([]string{"cmd/paywatt", "internal/bench", "internal/proof", "internal/words"}, f.dir) {
				t.Errorf("%s: a text of a refusal is changed; add a text that replaces it to the catalogue", f.set.Position(to.Pos()))
			}
			lit, is := n.(*ast.CompositeLit)
			if !is || !isRefusal(lit.Type) {
				return true
			}
			empty++
			if len(lit.Elts) > 0 {
				t.Errorf("%s: a refusal without a text in the catalogue; use a constructor of internal/refuse", f.set.Position(lit.Pos()))
			}
			return true
		})
	}
	if empty < 50 {
		t.Errorf("only %d empty refusals found: the test does not see them", empty)
	}
}

// isSentence reports whether an expression is a field that holds a sentence of a refusal.
func isSentence(e ast.Expr) bool {
	s, is := e.(*ast.SelectorExpr)
	return is && (s.Sel.Name == "Not" || s.Sel.Name == "Try" || s.Sel.Name == "What")
}
