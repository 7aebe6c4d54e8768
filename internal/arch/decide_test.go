package arch_test

import (
	"go/ast"
	"go/token"
	gotypes "go/types"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// comparesInStore lists the comparisons in the store that the test below allows. A key names the package of the store and the
// use case's constant; the value gives the reason.
func comparesInStore() map[string]string {
	return map[string]string{
		"internal/store/postgres: wallet.MaxApart": "the engine logs that its clock is doubted; use cases decide what follows",
	}
}

// alarmWriters are the methods of the store that raise or end alarms.
func alarmWriters() []string {
	return []string{"RaiseAlarm", "UpdateAlarm", "ClearAlarm", "ClearServerAlarm", "EndServerAlarms", "RaiseFeeder", "ClearFeeder"}
}

// TestTheStoreDecidesNothing finds two kinds of rules in the store. The first is a comparison with a limit of a use case. A query
// may still take such a limit as a parameter. The second is a call that raises or ends an alarm; a use case must make that call.
func TestTheStoreDecidesNothing(t *testing.T) {
	tier.Slow(t)
	p := loadProduct(t)
	left, declared := comparesInStore(), 0
	for pkg, parsed := range p.files {
		if !inStore(pkg) {
			continue
		}
		room := strings.TrimPrefix(pkg.Path(), module+"/") + ": "
		for _, f := range parsed {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					if slices.Contains(alarmWriters(), n.Name.Name) {
						declared++
					}
				case *ast.BinaryExpr:
					if limit := p.limit(n); limit != "" && comparesInStore()[room+limit] == "" {
						t.Errorf("%s: the store compares with %s: let the use case read the rows and decide", p.set.Position(n.Pos()), limit)
					} else {
						delete(left, room+limit)
					}
				case *ast.CallExpr:
					if fn := p.called(n); fn != nil && fn.Pkg() != nil && inStore(fn.Pkg()) && slices.Contains(alarmWriters(), fn.Name()) {
						t.Errorf("%s: the store calls %s: let the use case call it beside the method of the row", p.set.Position(n.Pos()), fn.Name())
					}
				}
				return true
			})
		}
	}
	if declared != len(alarmWriters()) {
		t.Errorf("the store declares %d of %v: the test looks at the wrong place", declared, alarmWriters())
	}
	for compares := range left {
		t.Errorf("%s is not compared with any more: take it off comparesInStore()", compares)
	}
}

// limit returns the use case's constant in a comparison that orders two numbers, as package.Name; "" for none.
func (p *product) limit(b *ast.BinaryExpr) (name string) {
	if !slices.Contains([]token.Token{token.LSS, token.LEQ, token.GTR, token.GEQ}, b.Op) {
		return ""
	}
	ast.Inspect(b, func(n ast.Node) bool {
		if i, is := n.(*ast.Ident); is {
			c, is := p.info.Uses[i].(*gotypes.Const)
			if is && c.Pkg() != nil && inLayer(c.Pkg(), 2) {
				name = c.Pkg().Name() + "." + c.Name()
			}
		}
		return true
	})
	return name
}

// TestMessagesAreComposedInOneRoom: package notify composes every message; other packages only report what happened.
func TestMessagesAreComposedInOneRoom(t *testing.T) {
	composed := 0
	for _, f := range files(t) {
		if f.test() || strings.HasPrefix(f.dir, "internal/store/storetest") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			c, is := n.(*ast.CompositeLit)
			if !is {
				return true
			}
			switch of := c.Type.(type) {
			case *ast.Ident:
				if f.dir == "internal/notify" && of.Name == "Draft" {
					composed++
				}
			case *ast.SelectorExpr:
				if x, is := of.X.(*ast.Ident); is && x.Name == "notify" && of.Sel.Name == "Draft" {
					t.Errorf("%s: a message is composed outside internal/notify", f.set.Position(c.Pos()))
				}
			}
			return true
		})
	}
	if composed < 5 {
		t.Errorf("internal/notify composes only %d messages: the test looks at the wrong place", composed)
	}
}
