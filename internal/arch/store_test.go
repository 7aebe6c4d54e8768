package arch_test

import (
	"go/ast"
	gotypes "go/types"
	"slices"
	"strings"
	"testing"
)

// TestTheStoreHandsNoTransactionInwards: the store may use the types of use cases and their pure functions. A rule that reads
// and writes is in the use case and called there. So the store never passes a transaction to a function of layer 2.
func TestTheStoreHandsNoTransactionInwards(t *testing.T) {
	p := loadProduct(t)
	calls := 0
	for pkg, parsed := range p.files {
		if !inStore(pkg) {
			continue
		}
		for _, f := range parsed {
			ast.Inspect(f, func(n ast.Node) bool {
				call, is := n.(*ast.CallExpr)
				if !is {
					return true
				}
				fn := p.called(call)
				if fn == nil || fn.Pkg() == nil || !inLayer(fn.Pkg(), 2) {
					return true
				}
				calls++
				if slices.ContainsFunc(call.Args, p.isTransaction) {
					t.Errorf("%s: the store gives %s a transaction: let the use case read the rows and decide", p.set.Position(call.Pos()),
						strings.ReplaceAll(fn.FullName(), module+"/", ""))
				}
				return true
			})
		}
	}
	if calls < 50 {
		t.Errorf("the store calls only %d functions of use cases: the test looks at the wrong place", calls)
	}
}

// called returns the function or method that a call names; nil for a conversion, a built-in or a function in a variable.
func (p *product) called(call *ast.CallExpr) *gotypes.Func {
	fun := ast.Unparen(call.Fun)
	switch f := fun.(type) {
	case *ast.IndexExpr:
		fun = f.X
	case *ast.IndexListExpr:
		fun = f.X
	}
	switch f := fun.(type) {
	case *ast.SelectorExpr:
		fn, _ := p.info.Uses[f.Sel].(*gotypes.Func)
		return fn
	case *ast.Ident:
		fn, _ := p.info.Uses[f].(*gotypes.Func)
		return fn
	}
	return nil
}

// isTransaction reports whether an argument is a transaction of the store or of a use case. A method of a transaction counts
// too, because it leads to the transaction.
func (p *product) isTransaction(arg ast.Expr) bool {
	if s, is := ast.Unparen(arg).(*ast.SelectorExpr); is {
		if _, is := p.info.Uses[s.Sel].(*gotypes.Func); is {
			arg = s.X
		}
	}
	t := p.info.Types[arg].Type
	if ptr, is := t.(*gotypes.Pointer); is {
		t = ptr.Elem()
	}
	named, is := gotypes.Unalias(t).(*gotypes.Named)
	if !is || named.Obj().Pkg() == nil {
		return false
	}
	pkg, name := named.Obj().Pkg(), named.Obj().Name()
	return inStore(pkg) && (name == "Tx" || name == "Rows") || inLayer(pkg, 2) && gotypes.IsInterface(named) && strings.HasSuffix(name, "Tx")
}

func inStore(pkg *gotypes.Package) bool {
	name, _, _ := room(strings.TrimPrefix(pkg.Path(), module+"/"))
	return name == "internal/store"
}

func inLayer(pkg *gotypes.Package, layer int) bool {
	_, is, ok := room(strings.TrimPrefix(pkg.Path(), module+"/"))
	return ok && is == layer
}
