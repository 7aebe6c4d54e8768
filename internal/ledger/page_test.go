package ledger_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/ledger"
)

// TestThePageOfPostingsIsTrue checks that docs/reference/postings.md has every account of the chart and every operation with its lines, and
// no others.
func TestThePageOfPostingsIsTrue(t *testing.T) {
	b, err := os.ReadFile("../../docs/reference/postings.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	if got := len(regexp.MustCompile("(?m)^\\| [0-9]{4} \\| `").FindAllString(page, -1)); got != len(ledger.Chart()) {
		t.Errorf("the page has %d accounts, the chart %d", got, len(ledger.Chart()))
	}
	limits := map[ledger.Bound]string{ledger.Unbounded: "", ledger.NotBelow: "not below 0", ledger.NotAbove: "not overdrawn"}
	for _, a := range ledger.Chart() {
		row := fmt.Sprintf("(?m)^\\| %d \\| `%s` \\| %s \\| [^|]* \\| %s \\|", a.Code, a.Path, a.Class, limits[a.Bound])
		if a.Bound == ledger.Unbounded {
			row = fmt.Sprintf("(?m)^\\| %d \\| `%s` \\| %s \\| [^|]*\\|  \\|", a.Code, a.Path, a.Class)
		}
		if !regexp.MustCompile(row).MatchString(page) {
			t.Errorf("the page has no row of account %d as %s", a.Code, row)
		}
	}
	operations := table()
	if got := len(regexp.MustCompile(`(?m)^\| P[0-9]`).FindAllString(page, -1)); got != len(operations)+2 {
		t.Errorf("the page has %d operations, the table %d and two mirrors", got, len(operations))
	}
	for _, o := range operations {
		var sides [2][]string
		for _, p := range o.got {
			a, _ := ledger.Find(p.Account.Code)
			side, amount := 0, p.Amount
			if amount < 0 {
				side, amount = 1, -amount
			}
			sides[side] = append(sides[side], fmt.Sprintf("%s %d", a.Path, amount))
		}
		row := "| " + strings.Join(sides[0], ", ") + " | " + strings.Join(sides[1], ", ") + " |"
		found := false
		for line := range strings.Lines(page) {
			found = found || strings.HasPrefix(line, "| "+o.name+" |") && strings.HasSuffix(line, row+"\n")
		}
		if !found {
			t.Errorf("the page has no row of %s that ends with %s", o.name, row)
		}
	}
	for _, said := range []string{fmt.Sprintf("at most %d lines", ledger.MaxPostings)} {
		if !strings.Contains(page, said) {
			t.Errorf("the page does not say %q", said)
		}
	}
}
