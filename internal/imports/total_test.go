package imports_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/refuse"
)

// TestATotalIsNoRow: a row that names a total in one of the languages is refused, however it is written. A name that only begins like one is a
// name.
func TestATotalIsNoRow(t *testing.T) {
	w := newWorld(t, false)
	total := refuse.ImportRowTotal("").Text
	for name, want := range map[string]bool{"Total": true, "TOTALS": true, "Grand Total: 7": true, "sub-total :": true, "Total Général": true, "المجموع": true,
		"Gesamt": true, "Jumla:": true, "Totalina": false, "Sum Wong": false, "Amina Total": false} {
		out, err := w.apply(imports.Customers, "name\n"+name+"\n", "")
		if err != nil || out.Refused() || len(out.Lines) != 1 {
			t.Fatalf("%s: %v %s %v", name, err, out.Detail(), out.Lines)
		}
		no := out.Lines[0].Refusal
		if within := no.Within; within != nil {
			no = *within
		}
		if got := no.Text == total; got != want || (out.Lines[0].State == imports.Done) == want {
			t.Errorf("%q: a total %t, want %t: %s %s", name, got, want, out.Lines[0].State, no.Detail())
		}
	}
}
