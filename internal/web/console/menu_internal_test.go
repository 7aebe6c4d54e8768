package console

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestTheMenuLeadsWhereTheRoleMay: the menu has every entry that the role may open, in order, and no other.
func TestTheMenuLeadsWhereTheRoleMay(t *testing.T) {
	for role, want := range map[access.Role]string{
		access.Owner:         "/meters /sell /customers /messages /tariffs /ledger /office",
		access.Operator:      "/meters /sell /customers /messages /tariffs /office",
		access.Auditor:       "/meters /customers /messages /tariffs /ledger /office",
		access.Support:       "/meters /customers /messages /tariffs /office",
		access.TariffManager: "/tariffs /office",
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
