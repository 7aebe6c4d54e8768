package arch_test

import (
	"go/ast"
	gotypes "go/types"
	"strings"
	"testing"
)

// mostMethods is how many methods an interface of a use case may have, embedded ones counted. A use case that needs more
// methods gets the rows of another use case through an accessor, such as tx.Debts().
const mostMethods = 25

// embeddable are our interfaces that an interface of another room may embed, with the reason.
func embeddable() map[string]string {
	return map[string]string{
		"internal/once.Clock": "one method, and the transaction itself is what the clock rule takes",
	}
}

// TestInterfacesStaySmall: no interface of a use case, exported or not, has more than 25 methods, embedded ones counted. No
// interface embeds one of another room: it has an accessor for the other interface, or names the few methods that it needs.
func TestInterfacesStaySmall(t *testing.T) {
	p := loadProduct(t)
	seen, embeds := 0, embeddable()
	used := map[string]bool{}
	for pkg, parsed := range p.files {
		if !inLayer(pkg, 2) {
			continue
		}
		for _, f := range parsed {
			ast.Inspect(f, func(n ast.Node) bool {
				lit, is := n.(*ast.InterfaceType)
				if !is {
					return true
				}
				i, is := p.info.Types[lit].Type.(*gotypes.Interface)
				if !is || !i.IsMethodSet() {
					return true
				}
				seen++
				where := p.set.Position(lit.Pos())
				if n := i.NumMethods(); n > mostMethods {
					t.Errorf("%s: an interface has %d methods, at most %d: split it, and reach the rows of another use case through an accessor", where, n, mostMethods)
				}
				for e := range i.EmbeddedTypes() {
					named, is := gotypes.Unalias(e).(*gotypes.Named)
					if !is || named.Obj().Pkg() == nil || named.Obj().Pkg() == pkg || p.files[named.Obj().Pkg()] == nil {
						continue
					}
					name := strings.TrimPrefix(named.Obj().Pkg().Path(), module+"/") + "." + named.Obj().Name()
					if used[name] = true; embeds[name] == "" {
						t.Errorf("%s: an interface embeds %s of another room: reach it through an accessor, or name the methods that are needed", where, name)
					}
				}
				return true
			})
		}
	}
	for name := range embeds {
		if !used[name] {
			t.Errorf("%s is embedded nowhere: take it off embeddable()", name)
		}
	}
	if seen < 80 {
		t.Errorf("found only %d interfaces of use cases: the test looks at the wrong place", seen)
	}
}
