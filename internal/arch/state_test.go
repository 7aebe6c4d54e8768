package arch_test

import (
	"go/ast"
	"go/token"
	gotypes "go/types"
	"testing"
)

// TestNoPackageStateChanges checks that package variables keep the value that they have when the program starts. Whoever wants
// to change one passes a value to those who need it.
func TestNoPackageStateChanges(t *testing.T) {
	p := loadProduct(t)
	variables := 0
	for pkg, parsed := range p.files {
		for _, name := range pkg.Scope().Names() {
			v, is := pkg.Scope().Lookup(name).(*gotypes.Var)
			if !is {
				continue
			}
			variables++
			if changesByItself(v.Type()) {
				t.Errorf("%s: package variable %s is a %s, which only serves to change", p.set.Position(v.Pos()), name, v.Type())
			}
		}
		for _, f := range parsed {
			ast.Inspect(f, func(n ast.Node) bool {
				for _, changed := range changedBy(n) {
					if v := p.packageVariable(changed); v != nil {
						t.Errorf("%s: package variable %s is changed here", p.set.Position(n.Pos()), v.Name())
					}
				}
				return true
			})
		}
	}
	if variables < 50 {
		t.Errorf("found only %d package variables: the test looks at the wrong place", variables)
	}
}

// changesByItself reports whether a type exists to hold changing state: what package sync offers, and channels.
func changesByItself(t gotypes.Type) bool {
	if _, is := t.Underlying().(*gotypes.Chan); is {
		return true
	}
	named, is := t.(*gotypes.Named)
	if !is || named.Obj().Pkg() == nil {
		return false
	}
	from := named.Obj().Pkg().Path()
	return from == "sync" || from == "sync/atomic"
}

// changedBy lists the expressions that a statement or an expression may change.
func changedBy(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.CallExpr:
		if fn, is := n.Fun.(*ast.Ident); is && (fn.Name == "delete" || fn.Name == "clear") && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// packageVariable returns the package variable of ours that an expression is, or is a part of; otherwise nil.
func (p *product) packageVariable(e ast.Expr) *gotypes.Var {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			if v := p.variableNamed(x.Sel); v != nil {
				return v
			}
			e = x.X
		case *ast.Ident:
			return p.variableNamed(x)
		default:
			return nil
		}
	}
}

// variableNamed returns the package variable of ours that a name stands for; otherwise nil.
func (p *product) variableNamed(name *ast.Ident) *gotypes.Var {
	v, is := p.info.Uses[name].(*gotypes.Var)
	if !is || v.Pkg() == nil || p.packages[v.Pkg().Path()] == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}
