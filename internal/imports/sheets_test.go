package imports_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/refusal"
)

// withSheet adds a sheet with rows to a workbook.
func withSheet(f *excelize.File, name string, rows ...[]any) error {
	if _, err := f.NewSheet(name); err != nil {
		return err
	}
	for i, row := range rows {
		at, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			return err
		}
		if err := f.SetSheetRow(name, at, &row); err != nil {
			return err
		}
	}
	return nil
}

// TestASheetIsImportedByItsName: a workbook with several visible lists is imported only with the name of one, and its rows are those of that
// sheet, also if the other was imported before under the same key.
func TestASheetIsImportedByItsName(t *testing.T) {
	w := newWorld(t, false)
	one, two := meterNumber(1), meterNumber(2)
	file := book(t, func(f *excelize.File) error { return withSheet(f, "Block B", []any{"number"}, []any{two}) }, []any{"number"}, []any{one})
	apply := func(name, key string) imports.Result {
		t.Helper()
		out, err := w.Apply(t.Context(), w.by, imports.Request{Kind: imports.Meters, File: []byte(file), Sheet: name, Key: key, DryRun: key == "", Defaults: map[string]string{"tariff": "domestic"}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, key := range []string{"", "key-of-no-sheet"} {
		if out := apply("", key); !strings.Contains(out.Detail(), `"Sheet1", "Block B"`) || len(out.Book.Sheets) != 2 {
			t.Errorf("without a name: %s %v", out.Detail(), out.Book)
		}
	}
	if n := w.number("SELECT count(*) FROM import WHERE {tenant}"); n != 0 {
		t.Errorf("%d imports began without a name", n)
	}
	out := apply("block b", "key-of-one-sheet")
	if out.Refused() || len(out.Lines) != 1 || out.Lines[0].Number != two || out.Book.Sheet != "Block B" || !slices.Equal(out.Book.Others, []string{"Sheet1"}) {
		t.Errorf("block b: %s %v %v", out.Detail(), out.Lines, out.Book)
	}
	if again := apply("Sheet1", "key-of-one-sheet"); again.Code != refusal.IdempotencyKeyReused {
		t.Errorf("another sheet under the same key: %s %v", again.Detail(), again.Lines)
	}
	if other := apply("Sheet1", "key-of-other-sheet"); other.Refused() || len(other.Lines) != 1 || other.Lines[0].Number != one {
		t.Errorf("the other sheet: %s %v", other.Detail(), other.Lines)
	}
	if n := w.number("SELECT count(*) FROM audit WHERE {tenant} AND after LIKE '%sheet=\"block b\"'"); n != 1 {
		t.Errorf("the audit log names the sheet %d times", n)
	}
}

// TestWhatIsHiddenIsNotBookedUnseen: hidden rows and columns are in the check. Without a word that they are meant, nothing is booked.
func TestWhatIsHiddenIsNotBookedUnseen(t *testing.T) {
	w := newWorld(t, false)
	w.meters(1, 3)
	hideRow := func(f *excelize.File) error { return f.SetRowVisible("Sheet1", 3, false) }
	hideColumn := func(letter string) func(*excelize.File) error {
		return func(f *excelize.File) error { return f.SetColVisible("Sheet1", letter, false) }
	}
	for n, c := range []struct {
		what, want string // what the refusal says; empty if there is none
		columns    string
		hide       []func(*excelize.File) error
	}{
		{"nothing", "", "[]", nil},
		{"a row", "Hidden rows of the sheet would be imported: 3 (1 in all).", "[]", []func(*excelize.File) error{hideRow}},
		{"a column", "Hidden columns of the sheet would be imported: B (amount).", "[B (amount)]", []func(*excelize.File) error{hideColumn("B")}},
		{"both", "rows 3 (1 in all), columns A (account).", "[A (account)]", []func(*excelize.File) error{hideRow, hideColumn("A")}},
		{"a column that is not used", "", "[C (floor)]", []func(*excelize.File) error{hideColumn("C")}},
	} {
		file := book(t, func(f *excelize.File) error {
			for _, hide := range c.hide {
				if err := hide(f); err != nil {
					return err
				}
			}
			return nil
		}, []any{"account", "amount", "floor", "memo"}, []any{meterNumber(1), 100, 1, c.what}, []any{meterNumber(2), 300, 2, c.what})
		send := func(dry, hidden bool) imports.Result {
			t.Helper()
			out, err := w.Apply(t.Context(), w.by, imports.Request{Kind: imports.Debts, File: []byte(file), DryRun: dry, Hidden: hidden, Key: fmt.Sprintf("hidden-%d", n)})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if out := send(true, false); out.Refused() || len(out.Lines) != 2 || fmt.Sprint(out.Hidden) != c.columns {
			t.Errorf("%s, checked: %s %v %v", c.what, out.Detail(), out.Hidden, out.Lines)
		}
		before := w.number("SELECT count(*) FROM import WHERE {tenant}")
		out := send(false, false)
		if c.want == "" {
			if out.Refused() || out.Totals()[imports.Done] != 2 {
				t.Errorf("%s: %s", c.what, out.Detail())
			}
			continue
		}
		if began := w.number("SELECT count(*) FROM import WHERE {tenant}") - before; !strings.Contains(out.Detail(), c.want) || began != 0 {
			t.Errorf("%s: %s, want %s; %d imports began", c.what, out.Detail(), c.want, began)
		}
		if out := send(false, true); out.Refused() || out.Totals()[imports.Done] != 2 || fmt.Sprint(out.Hidden) != c.columns {
			t.Errorf("%s, meant: %s %v", c.what, out.Detail(), out.Totals())
		}
	}
}
