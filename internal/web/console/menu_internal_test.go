package console

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestTheMenuLeadsWhereTheRoleMay: the menu has every entry that the role may open, in order, and no other.
func TestTheMenuLeadsWhereTheRoleMay(t *testing.T) {
	tier.Slow(t)
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
	tier.Slow(t)
	for _, act := range append(access.Acts(), access.ActBlock, access.ActSell, access.ActCharge, access.ActCommand, access.ActMeter, access.ActText) {
		for _, kind := range []string{"act", "act-gains"} {
			if said := english().Name(kind, actKey(act)); said == actKey(act) {
				t.Errorf("the catalogue has no %s of %s", kind, act)
			}
		}
	}
}

// TestEveryRowOfTheAuditLogHasItsWords: each action that the program writes to the audit log has a name in the catalogue.
func TestEveryRowOfTheAuditLogHasItsWords(t *testing.T) {
	tier.Slow(t)
	written := regexp.MustCompile(`\.[Ee]ntry\("([a-z_]+\.[a-z_.-]+)",|note\(tx, \*?\w+, "([a-z_.]+)"|[Aa]ction\w* *:?= "([a-z_]+\.[a-z_.-]+)"`)
	actions := []string{proof.Action, string(access.ActLinkMake), string(access.ActLinkShow), string(access.ActLinkRevoke)}
	for _, state := range []string{"paid", "failed", "expired", "unknown"} {
		actions = append(actions, "payment.request."+state)
	}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "storetest") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range written.FindAllStringSubmatch(string(b), -1) {
			actions = append(actions, m[1]+m[2]+m[3])
		}
		return err
	})
	if err != nil || len(actions) < 80 {
		t.Fatalf("%d actions, %v", len(actions), err)
	}
	s := site{say: english()}
	for _, action := range actions {
		if s.did(action) == "" {
			t.Errorf("the catalogue has no words for the action %s of the audit log", action)
		}
	}
}
