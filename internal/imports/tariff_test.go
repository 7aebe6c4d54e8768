package imports_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
)

// tariffsOf names the tariffs of a meter, the newest first, each with its state.
func (w *world) tariffsOf(number string) string {
	w.t.Helper()
	list, err := w.registry.AccountTariffs(w.t.Context(), w.by, number, registry.Page{})
	if err != nil || list.Refused() {
		w.t.Fatalf("list the tariffs of meter %s: %v %s", number, err, list.Detail())
	}
	var out []string
	for _, a := range list.Data {
		out = append(out, a.Name+" "+string(a.State))
	}
	return strings.Join(out, ", ")
}

// TestAListGivesMetersOtherTariffs: at once, from a date and from a moment. A dry run changes nothing, a row counts once, and two rows of a file
// must not be about one meter.
func TestAListGivesMetersOtherTariffs(t *testing.T) {
	for _, e := range engines {
		w := newWorld(t, e.onPostgres)
		for name, rate := range map[string]money.MicroRate{"shops": 5_000_000, "farms": 6_000_000} {
			body := tariff.Body{Currency: "KES", VATBps: 1600, Blocks: []tariff.Block{{Rate: rate}}}
			added, err := w.registry.AddTariff(t.Context(), w.by, registry.NewTariff{Name: name, Body: body})
			if err != nil || added.Refused() {
				t.Fatal(added.Detail(), err)
			}
		}
		n := w.meters(1, 6)
		file := "Meter No,New tariff,From,Why\n" + n[0] + ",shops,,became a shop\n" + n[1] + ",shops,2026-12-01,\n" +
			n[2] + ",farms,2026-11-25T06:00:00Z,\n" + n[3] + ",shops,soon,\n" + n[3] + ",domestic,,\n" + n[4] + ",nowhere,,\n" +
			n[0] + ",farms,,\n" + n[5] + ",shops,2026-11-01,\n"
		check := func(when, key string, done, failed, known int) imports.Result {
			t.Helper()
			out, err := w.apply(imports.Tariffs, file, key)
			got := out.Totals()
			if err != nil || out.Refused() || got[imports.Done] != done || got[imports.Failed] != failed || got[imports.Duplicate] != known {
				t.Errorf("%s, %s: %v %s %v", e.name, when, err, out.Detail(), got)
				for _, l := range out.Lines {
					t.Logf("line %d: %s %s", l.Line, l.State, l.Detail())
				}
			}
			return out
		}
		check("a dry run", "", 3, 4, 1)
		if got := w.tariffsOf(n[0]); got != "domestic in force" {
			t.Errorf("%s: a dry run leaves %s", e.name, got)
		}
		out := check("the import", "first", 3, 4, 1)
		check("the file again", "second", 0, 4, 4)
		for i, want := range []string{"shops in force, domestic past", "shops planned, domestic in force", "farms planned, domestic in force",
			"domestic in force", "domestic in force", "domestic in force"} {
			if got := w.tariffsOf(n[i]); got != want {
				t.Errorf("%s: meter %d has %s, want %s", e.name, i, got, want)
			}
		}
		changes, err := w.registry.AccountTariffs(t.Context(), w.by, n[0], registry.Page{})
		if err != nil || changes.Refused() || changes.Data[0].Reason != "became a shop" {
			t.Errorf("%s: %v %+v", e.name, err, changes)
		}
		w.now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		if got, want := w.tariffsOf(n[1]), "shops in force, domestic past"; got != want {
			t.Errorf("%s: on its day meter 1 has %s, want %s", e.name, got, want)
		}
		undone, err := w.Undo(t.Context(), w.by, out.Import.ID.Text(id.Import))
		if err != nil || !undone.Refused() || w.tariffsOf(n[0]) != "shops in force, domestic past" {
			t.Errorf("%s: undone: %v %s", e.name, err, undone.Detail())
		}
	}
}
