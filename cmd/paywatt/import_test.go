package main

import (
	"bytes"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// TestAnImportTellsWhatItReadOfAWorkbook: the command says which sheet it read, what it left out, and what is hidden.
func TestAnImportTellsWhatItReadOfAWorkbook(t *testing.T) {
	for _, c := range []struct {
		of     apiv1.Import
		dryRun bool
		want   string
	}{
		{apiv1.Import{}, true, ""},
		{apiv1.Import{Sheet: "Meters"}, false, "Sheet of the workbook: \"Meters\"\n"},
		{apiv1.Import{Sheet: "A\x1b[2J", Others: []string{"B", "C"}}, false, "Sheet of the workbook: \"A\\x1b[2J\"\nOther sheets, which are not imported: \"B\", \"C\"\n"},
		{apiv1.Import{Sheet: "Old", Hidden: &apiv1.ImportHidden{Sheet: true, Sheets: []string{"Older"}}}, true,
			"Sheet of the workbook: \"Old\"\nThe workbook hides this sheet.\nHidden sheets, which are not imported: \"Older\"\n"},
		{apiv1.Import{Sheet: "M", Hidden: &apiv1.ImportHidden{RowCount: 3, Rows: []int{4, 7, 8}, Columns: []string{"B (amount)"}}}, true,
			"Sheet of the workbook: \"M\"\nHidden rows, which are imported like the others: 4, 7–8 (3 in all)\nHidden columns: \"B (amount)\"\n" +
				"If hidden rows and columns are meant, add --hidden to import them.\n"},
		{apiv1.Import{Sheet: "M", Hidden: &apiv1.ImportHidden{RowCount: 1, Rows: []int{4}}}, false,
			"Sheet of the workbook: \"M\"\nHidden rows, which are imported like the others: 4 (1 in all)\n"},
	} {
		var out bytes.Buffer
		to := console{err: &out}
		to.tellSheets(c.of)
		to.tellHidden(c.of, client.ImportFile{DryRun: c.dryRun})
		if got := out.String(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.of, got, c.want)
		}
	}
}
