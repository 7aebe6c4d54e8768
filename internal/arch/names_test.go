package arch_test

import (
	"go/constant"
	gotypes "go/types"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/catalogue"
)

// namedKinds maps a section of the catalogue of names to the type whose constants it names.
func namedKinds() map[string]string {
	return map[string]string{
		"event": "meter.Code", "held-reason": "internal/wallet.HoldReason", "meter-status": "internal/registry.Status",
		"message-state": "internal/notify.State", "message": "internal/notify.Purpose", "doubt": "internal/metering.Doubt",
		"account": "internal/ledger.Code", "journal": "internal/ledger.Kind", "token-kind": "internal/sale.JobKind",
		"delivery": "internal/recharge.State", "line": "internal/sale.LineKind",
		"wallet-line": "internal/wallet.LineKind",
	}
}

// unnamed are constants that no page shows, and names without a constant, with the reason.
func unnamed() map[string]string {
	return map[string]string{
		"token-kind key_change": "the form for service tokens makes no key change",
		"event 103":             "sent by meters that notice a falling voltage; ours does not",
		"event 902":             "sent by meters whose program can be replaced; ours cannot",
	}
}

// TestEveryConstantThatPagesShowHasAName: the catalogue has a name for each constant of the types in namedKinds, and
// no other names.
func TestEveryConstantThatPagesShowHasAName(t *testing.T) {
	p, skipped := loadProduct(t), unnamed()
	names, err := catalogue.Read(catalogue.English, "names")
	if err != nil {
		t.Fatal(err)
	}
	for section, typ := range namedKinds() {
		at := strings.LastIndex(typ, ".")
		pkg := p.packages[module+"/"+typ[:at]]
		if pkg == nil {
			t.Errorf("%s is not in the program", typ)
			continue
		}
		values := map[string]bool{}
		for _, name := range pkg.Scope().Names() {
			c, is := pkg.Scope().Lookup(name).(*gotypes.Const)
			if named, of := gotypes.Unalias(pkg.Scope().Lookup(name).Type()).(*gotypes.Named); !is || !of || named.Obj().Name() != typ[at+1:] || named.Obj().Pkg() != pkg {
				continue
			}
			value := strings.Trim(constant.ToInt(c.Val()).String(), `"`)
			if c.Val().Kind() == constant.String {
				value = constant.StringVal(c.Val())
			}
			values[value] = true
			if _, has := names.Section(section).Text(value); !has && value != "" && skipped[section+" "+value] == "" {
				t.Errorf("[%s] has no name for %q (%s)", section, value, name)
			}
		}
		for _, text := range names.Section(section).Texts {
			if !values[text.Name] && skipped[section+" "+text.Name] == "" {
				t.Errorf("[%s] has a name for %q, which is no constant of %s", section, text.Name, typ)
			}
		}
	}
}
