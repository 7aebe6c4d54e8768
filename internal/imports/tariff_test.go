package imports_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
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

// TestARowThatNeedsASecondPersonIsNamed: no row of a file passes alone where the same act by itself would wait. The row fails with its line
// and what to do, in a dry run too. The other rows are imported, nothing waits for anybody, and sending the file again changes nothing.
func TestARowThatNeedsASecondPersonIsNamed(t *testing.T) {
	tier.Slow(t)
	for _, e := range engines {
		w := newWorld(t, e.onPostgres)
		w.owner() // somebody who could approve
		for name, rate := range map[string]money.MicroRate{"cheap": 1_000_000, "dear": 5_000_000} {
			body := tariff.Body{Currency: "KES", VATBps: 1600, Blocks: []tariff.Block{{Rate: rate}}}
			added, err := w.registry.AddTariff(t.Context(), w.by, registry.NewTariff{Name: name, Body: body})
			if err != nil || added.Refused() {
				t.Fatal(added.Detail(), err)
			}
		}
		n := w.meters(1, 2)
		usual := []string{"domestic"}
		set, err := w.registry.ChangeSettings(t.Context(), w.by, registry.SettingsChange{UsualTariffs: &usual})
		if err != nil || set.Refused() {
			t.Fatal(set.Detail(), err)
		}
		w.do(func(tx *store.Tx) error {
			return tx.BindFourEyes([]access.Right{access.ActMeterTariff.Right(), access.ActPostpaid.Right()})
		})
		for _, f := range []struct {
			kind imports.Kind
			file string
			want []string // of each row: its line, and the refusal
		}{
			{imports.Tariffs, "number,tariff\n" + n[0] + ",dear\n" + n[1] + ",cheap\n", []string{"2 ", "3 import-tariff-second-person"}},
			{imports.Meters, "number,name,mode,tariff\n" + meterNumber(11) + ",A,,domestic\n" + meterNumber(12) + ",B,postpay,domestic\n" +
				meterNumber(13) + ",C,,cheap\n", []string{"2 ", "3 import-needs-second-person", "4 import-needs-second-person"}},
		} {
			for _, key := range []string{"", "first of " + string(f.kind), "again " + string(f.kind)} { // no key: a dry run
				out, err := w.apply(f.kind, f.file, key)
				if err != nil || out.Refused() || out.Waits != nil || len(out.Lines) != len(f.want) {
					t.Fatalf("%s, %s %q: %v %s, waits as %+v, %d rows", e.name, f.kind, key, err, out.Detail(), out.Waits, len(out.Lines))
				}
				for i, l := range out.Lines {
					want, state := f.want[i], imports.Done
					switch {
					case !strings.HasSuffix(want, " "):
						state = imports.Failed
					case strings.HasPrefix(key, "again"):
						state, want = imports.Duplicate, fmt.Sprintf("%d %s", l.Line, l.Text)
					}
					if got := fmt.Sprintf("%d %s", l.Line, l.Text); got != want || l.State != state {
						t.Errorf("%s, %s %q: row %q is %s, want %q %s", e.name, f.kind, key, got, l.State, want, state)
					}
				}
			}
		}
		if got := w.number(`SELECT COUNT(*) FROM approval WHERE {tenant}`); got != 0 {
			t.Errorf("%s: %d requests wait for a second person", e.name, got)
		}
		if got := w.number(`SELECT COUNT(*) FROM meter WHERE {tenant}`); got != 3 {
			t.Errorf("%s: there are %d meters, want 3", e.name, got)
		}
		if one, other := w.tariffsOf(n[0]), w.tariffsOf(n[1]); one != "dear in force, domestic past" || other != "domestic in force" {
			t.Errorf("%s: the meters have %s, and %s", e.name, one, other)
		}
	}
}
