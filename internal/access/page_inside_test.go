package access

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
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
	for name, table := range map[string]string{"acts": actTable(), "ceilings": ceilingTable(), "operations": operationTable(APIOperations()), "commands": operationTable(Commands())} {
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
	b.WriteString("| act | what it can move | right | second person | counts under |\n|---|---|---|---|---|\n")
	for _, a := range slices.Sorted(maps.Keys(acts)) {
		r := acts[a]
		need := map[second]string{whenBound: "when four eyes apply", aboveCeiling: "only above a ceiling", noSecond: "never"}[r.second]
		switch {
		case len(r.under) > 0 && r.second == noSecond:
			need += "; refused above a ceiling"
		case len(r.under) > 0 && r.second == whenBound:
			need += ", and above a ceiling"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %s |\n", a, r.moves, r.right, need, codes(r.under))
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
	for _, c := range Ceilings() {
		unit := map[measure]string{inMoney: "minor units", inEnergy: "Wh", inTimes: "times"}[ceilings[c].unit]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d |\n", c, c.Words(), unit, ceilings[c].most)
	}
	return b.String()
}

func operationTable(of map[string]Operation) string {
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
