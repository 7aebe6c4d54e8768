package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/paywatt/paywatt/api/apiv1"
)

// bookOf makes a workbook of sheets with one column each, and lets a function change it. The heading comes first.
func bookOf(t *testing.T, change func(*excelize.File) error, sheets map[string][]string) string {
	t.Helper()
	f := excelize.NewFile()
	for name, values := range sheets {
		if _, err := f.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		for i, value := range values {
			if err := f.SetCellStr(name, fmt.Sprintf("A%d", i+1), value); err != nil {
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
	file := bookOf(t, nil, map[string][]string{"Block A": {"name", "Amina"}, "Block B": {"name", "Ben", "Cara"}})
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
