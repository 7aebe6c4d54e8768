package access_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

var updatePage = flag.Bool("update-acts", false, "write the tables of docs/reference/acts.md anew")

// TestThePageOfActsIsTheTable: the tables of the page are the tables of this package.
func TestThePageOfActsIsTheTable(t *testing.T) {
	const path = "../../docs/reference/acts.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(page)
	for name, table := range map[string]string{"acts": actTable(), "ceilings": ceilingTable(), "operations": operationTable(access.APIOperations()), "commands": operationTable(access.Commands()), "secrets": secretTable()} {
		part := regexp.MustCompile(`(?s)<!-- ` + name + ` -->\n.*?<!-- end -->`)
		if !part.MatchString(want) {
			t.Fatalf("%s has no place for the table of %s", path, name)
		}
		want = part.ReplaceAllLiteralString(want, "<!-- "+name+" -->\n"+table+"<!-- end -->")
	}
	if *updatePage {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(page) {
		t.Errorf("%s differs from the tables: run go test ./internal/access -run ThePageOfActs -update-acts", path)
	}
}

func actTable() string {
	var b strings.Builder
	b.WriteString("| act | what it can move | right | second person | counts under | shown beside what is usual |\n|---|---|---|---|---|---|\n")
	for _, r := range access.ActRules() {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %s | %s |\n", r.Act, r.Moves, r.Right, r.Second, codes(r.Under), sizeWords(r.Size))
	}
	return b.String()
}

// sizeWords names the figures that are compared, as people call them.
func sizeWords(names []string) string {
	text := strings.ReplaceAll(strings.Join(names, ", "), "-", " ")
	return strings.Replace(text, "rows", "sum of the rows", 1)
}

func secretTable() string {
	var b strings.Builder
	b.WriteString("| secret | operations that show it | through a limited key |\n|---|---|---|\n")
	for _, r := range access.SecretRules() {
		says := "refused"
		if r.Why != "" {
			says = "shown: " + r.Why
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Kind, strings.Join(r.Operations, ", "), says)
	}
	return b.String()
}

func codes[T ~string](of []T) string {
	var out []string
	for _, c := range of {
		out = append(out, "`"+string(c)+"`")
	}
	return strings.Join(out, ", ")
}

func ceilingTable() string {
	var b strings.Builder
	b.WriteString("| ceiling | limits | unit | default |\n|---|---|---|---|\n")
	var defaults access.CeilingRules
	for _, c := range access.Ceilings() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d |\n", c, c.Words(), unitOf(c), defaults.Most(c))
	}
	return b.String()
}

// unitOf says what a ceiling counts.
func unitOf(c access.Ceiling) string {
	switch v := (access.CeilingRules{Currency: "KES"}).Value(c, 1); {
	case v.Currency != "":
		return "minor units"
	case v.Unit == access.UnitEnergy:
		return "Wh"
	}
	return "times"
}

func operationTable(of map[string]access.Operation) string {
	var b strings.Builder
	b.WriteString("| operation | acts, or why it moves no value |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(of)) {
		says := of[name].Why
		if says == "" {
			says = codes(of[name].Acts)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, says)
	}
	return b.String()
}
