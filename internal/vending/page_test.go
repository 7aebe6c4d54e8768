package vending_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestThePageOfMoneyShowsEveryVector: the worked purchases of docs/reference/money.md are those that the tests sell.
func TestThePageOfMoneyShowsEveryVector(t *testing.T) {
	b, err := os.ReadFile("../../docs/reference/money.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors() {
		tender := fmt.Sprint(int64(v.tender))
		if v.carry > 0 {
			tender += fmt.Sprint(" + ", int64(v.carry))
		}
		row := fmt.Sprintf("| %s | %s | %s | %d | %d | %d |\n", tender, v.deducted, strings.ReplaceAll(v.steps, " ", " + "), v.net, v.vat, v.carryOut)
		if v.tooSmall {
			row = fmt.Sprintf("| %s | | refused: `vend-too-small` | | | |\n", tender)
		}
		found := false
		for line := range strings.Lines(string(b)) {
			found = found || strings.HasPrefix(line, "| "+v.name+" | ") && strings.HasSuffix(line, row)
		}
		if !found {
			t.Errorf("docs/reference/money.md has no row %s that ends with %s", v.name, row)
		}
	}
}
