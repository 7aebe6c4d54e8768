package api_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/paywatt/paywatt/api/apiv1"
)

// column is a sheet with one column. The heading comes first.
type column struct {
	sheet  string
	values []string
}

// bookOf makes a workbook of sheets in their order, and lets a function change it. The first sheet is the one that is open, and no program hides
// that one.
func bookOf(t *testing.T, change func(*excelize.File) error, sheets ...column) string {
	t.Helper()
	f := excelize.NewFile()
	for _, c := range sheets {
		if _, err := f.NewSheet(c.sheet); err != nil {
			t.Fatal(err)
		}
		for i, value := range c.values {
			if err := f.SetCellStr(c.sheet, fmt.Sprintf("A%d", i+1), value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.DeleteSheet("Sheet1"); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		if err := change(f); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestAnImportNamesItsSheet: the field sheet says which sheet of a workbook is read, and the answer which one it was.
func TestAnImportNamesItsSheet(t *testing.T) {
	w := begin(t)
	file := bookOf(t, nil, column{"Block A", []string{"name", "Amina"}}, column{"Block B", []string{"name", "Ben", "Cara"}})
	send := func(sheet string) answer {
		path := "/v1/imports?kind=customers&mode=dry_run&sheet=" + url.QueryEscape(sheet)
		return w.ask("POST", path, w.key, file, "Content-Type", "application/octet-stream", "Idempotency-Key", "sheet-of-a-workbook")
	}
	for sheet, want := range map[string]string{"": "Several sheets of the workbook have rows", "Block C": `no sheet \"Block C\"`} {
		got := w.want(http.StatusUnprocessableEntity, send(sheet))
		if code, _ := w.problem(got); code != "import-unreadable" || !strings.Contains(string(got.body), want) || !strings.Contains(string(got.body), `\"Block A\"`) {
			t.Errorf("sheet %q: %s", sheet, got.body)
		}
	}
	got := decode[apiv1.Import](t, w.want(http.StatusCreated, send("block b")))
	if got.Sheet != "Block B" || !slices.Equal(got.Others, []string{"Block A"}) || got.Totals.OK != 2 {
		t.Errorf("sheet block b: %+v", got)
	}
}

// TestAnImportNamesWhatIsHidden: the answer says what the workbook hides, and hidden rows are imported only with hidden=true.
func TestAnImportNamesWhatIsHidden(t *testing.T) {
	w := begin(t)
	file := bookOf(t, func(f *excelize.File) error {
		return errors.Join(f.SetRowVisible("People", 3, false), f.SetRowVisible("People", 4, false), f.SetColVisible("People", "A", false), f.SetSheetVisible("Old", false))
	}, column{"People", []string{"name", "Amina", "Ben", "Cara"}}, column{"Old", []string{"name", "Dan"}})
	send := func(more string) answer {
		return w.ask("POST", "/v1/imports?kind=customers"+more, w.key, file, "Content-Type", "application/octet-stream", "Idempotency-Key", "what-is-hidden")
	}
	got := w.want(http.StatusUnprocessableEntity, send(""))
	if code, _ := w.problem(got); code != "import-unreadable" || !strings.Contains(string(got.body), "rows 3–4 (2 in all), columns A (name)") {
		t.Errorf("without a word: %s", got.body)
	}
	want := apiv1.ImportHidden{Sheets: []string{"Old"}, RowCount: 2, Rows: []int{3, 4}, Columns: []string{"A (name)"}}
	for _, more := range []string{"&mode=dry_run", "&hidden=true"} {
		got := decode[apiv1.Import](t, w.want(http.StatusCreated, send(more)))
		if got.Hidden == nil || !reflect.DeepEqual(*got.Hidden, want) || got.Sheet != "People" || got.Others != nil || got.Totals.OK != 3 {
			t.Errorf("%s: %+v, hidden %+v", more, got, got.Hidden)
		}
	}
	plain := bookOf(t, nil, column{"People", []string{"name", "Eve"}})
	if got := w.want(http.StatusCreated, w.ask("POST", "/v1/imports?kind=customers", w.key, plain, "Content-Type", "application/octet-stream", "Idempotency-Key", "nothing-is-hidden")); strings.Contains(string(got.body), `"hidden"`) {
		t.Errorf("nothing is hidden: %s", got.body)
	}
}
