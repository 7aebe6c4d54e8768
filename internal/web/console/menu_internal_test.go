package console

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestTheMenuLeadsWhereTheRoleMay: the menu has every entry that the role may open, in order, and no other.
func TestTheMenuLeadsWhereTheRoleMay(t *testing.T) {
	for role, want := range map[access.Role]string{
		access.Owner:         "/meters /sell /customers /messages /quarantine /tariffs /ledger",
		access.Operator:      "/meters /sell /customers /messages /quarantine /tariffs",
		access.Auditor:       "/meters /customers /messages /quarantine /tariffs /ledger",
		access.Support:       "/meters /customers /messages /quarantine /tariffs",
		access.TariffManager: "/tariffs",
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
