package console

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestTheMenuLeadsWhereTheRoleMay: the menu has every entry that the role may open, in order, and no other.
func TestTheMenuLeadsWhereTheRoleMay(t *testing.T) {
	for role, want := range map[access.Role]string{
		access.Owner:         "/overview /meters /sell /customers /messages /ledger /office",
		access.Operator:      "/overview /meters /sell /customers /messages /office",
		access.Auditor:       "/overview /meters /customers /messages /ledger /office",
		access.Support:       "/overview /meters /customers /messages /office",
		access.TariffManager: "/office",
		"":                   "",
	} {
		var got []string
		for _, e := range (visit{by: access.Actor{Role: role}}).menu(english()) {
			got = append(got, e.to)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q sees %q, want %q", role, s, want)
		}
	}
}

// TestEveryActionHasItsWords: the catalogue names each action of the table and says who gains.
func TestEveryActionHasItsWords(t *testing.T) {
	for _, act := range append(access.Acts(), access.ActBlock, access.ActSell, access.ActCharge, access.ActCommand, access.ActMeter, access.ActText) {
		for _, kind := range []string{"act", "act-gains"} {
			if said := english().Name(kind, actKey(act)); said == actKey(act) {
				t.Errorf("the catalogue has no %s of %s", kind, act)
			}
		}
	}
}
