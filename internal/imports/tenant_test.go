package imports_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/imports"
)

// TestAListOfNewTenantsSaysWhatToDo: a row with another customer for a meter that is registered already is no row that is known. It says that the
// last customer must move out and the new one in. The same customer under the same name or telephone number is known.
func TestAListOfNewTenantsSaysWhatToDo(t *testing.T) {
	for _, e := range engines {
		w := newWorld(t, e.onPostgres)
		list := func(key, rows string) imports.Result {
			t.Helper()
			out, err := w.apply(imports.Meters, "number,customer,phone\n"+rows, key)
			if err != nil || out.Refused() {
				t.Fatalf("%s: %v %s", e.name, err, out.Detail())
			}
			return out
		}
		var n []string
		first, again := "", ""
		for i := range 4 {
			n = append(n, meterNumber(i+1))
			first += fmt.Sprintf("%s,Tenant %d,+25470000010%d\n", n[i], i, i)
			again += fmt.Sprintf("%s,tenant %d,\n", n[i], i)
		}
		if got := list("first", first).Totals(); got[imports.Done] != 4 {
			t.Fatalf("%s: %v", e.name, got)
		}
		for _, l := range list("again", again).Lines {
			if l.State != imports.Duplicate {
				t.Errorf("%s, line %d, the same customers: %s %s", e.name, l.Line, l.State, l.Detail())
			}
		}
		out, err := w.debts.MoveOut(t.Context(), w.by, debt.MoveOut{Account: n[3], Reason: "lease ended"})
		if err != nil || out.Refused() {
			t.Fatal(out.Detail(), err)
		}
		w.now = w.now.Add(time.Hour)
		next := fmt.Sprintf("%s,Kwame M.,\n%s,Wedded Name,0700000101\n%s,,\n%s,Tenant 3,\n", n[0], n[1], n[2], n[3])
		for i, l := range list("", next).Lines {
			want := []imports.State{imports.Failed, imports.Duplicate, imports.Duplicate, imports.Failed}[i]
			if l.State != want || want == imports.Failed && l.Refusal.Text != "import-of-another-customer" {
				t.Errorf("%s, line %d: %s %s, want %s", e.name, l.Line, l.State, l.Detail(), want)
			}
		}
	}
}
