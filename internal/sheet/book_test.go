package sheet_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/sheet"
)

// tab is a sheet of a workbook that a test makes part by part.
type tab struct {
	name  string
	state string // as the workbook writes it: "", visible, hidden or veryHidden
	kind  string // of the relation; "" for a worksheet
	xml   string // "" for a sheet whose part is missing
}

// bookOf makes an XLSX file of sheets.
func bookOf(t *testing.T, tabs ...tab) []byte {
	t.Helper()
	var list, links strings.Builder
	var parts [][2]string
	for i, s := range tabs {
		state, kind := "", "worksheet"
		if s.state != "" {
			state = fmt.Sprintf(` state=%q`, s.state)
		}
		if s.kind != "" {
			kind = s.kind
		}
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%d"%s r:id="s%d"/>`, s.name, i+1, state, i)
		fmt.Fprintf(&links, `<Relationship Id="s%d" Type="%s%s" Target="sheets/%d.xml"/>`, i, strict, kind, i)
		if s.xml != "" {
			parts = append(parts, [2]string{fmt.Sprintf("book/sheets/%d.xml", i), s.xml})
		}
	}
	parts = append(parts, [2]string{"_rels/.rels", topLinks}, [2]string{"book/main.xml", `<workbook xmlns:r="x"><sheets>` + list.String() + `</sheets></workbook>`},
		[2]string{"book/_rels/main.xml.rels", relations + links.String() + `</Relationships>`})
	return zipped(t, parts...)
}

// rowsXML writes rows of a sheet whose cells have their texts themselves. A vertical bar separates the cells.
func rowsXML(rows ...string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, `<row r="%d">`, i+1)
		for _, cell := range strings.Split(row, "|") {
			fmt.Fprintf(&b, `<c t="inlineStr"><is><t>%s</t></is></c>`, cell)
		}
		b.WriteString(`</row>`)
	}
	return b.String()
}

// listXML is a sheet with rows.
func listXML(rows ...string) string {
	return "<worksheet><sheetData>" + rowsXML(rows...) + "</sheetData></worksheet>"
}

// TestTheFirstVisibleSheetIsRead: a sheet that nobody sees in the workbook is not imported, and neither an empty one nor a chart stands in the way.
func TestTheFirstVisibleSheetIsRead(t *testing.T) {
	seen := tab{name: "Meters", xml: listXML("number", "1")}
	unseen := listXML("number", "2")
	const styled = `<worksheet><sheetData><row r="1"><c r="A1" s="3"/><c r="B1" t="inlineStr"><is><t> </t></is></c></row></sheetData></worksheet>`
	for name, tabs := range map[string][]tab{
		"alone":                       {seen},
		"which says that it is seen":  {{name: "Meters", state: "visible", xml: listXML("number", "1")}},
		"behind a hidden one":         {{name: "Old", state: "hidden", xml: unseen}, seen},
		"behind one hidden by macros": {{name: "Old", state: "veryHidden", xml: unseen}, seen},
		"behind an unknown state":     {{name: "Old", state: "deeplyHidden", xml: unseen}, seen},
		"before a hidden one":         {seen, {name: "Old", state: "hidden", xml: unseen}},
		"behind an empty one":         {{name: "Sheet1", xml: "<worksheet><sheetData/></worksheet>"}, seen},
		"behind one of formats":       {{name: "Sheet1", xml: styled}, seen},
		"behind a chart":              {{name: "Chart", kind: "chartsheet", xml: "<chartsheet/>"}, seen},
		"behind a chart without part": {{name: "Chart", kind: "chartsheet"}, seen},
		"behind macros":               {{name: "Macro", kind: "xlMacrosheet", xml: unseen}, seen},
		"behind a damaged hidden one": {{name: "Old", state: "hidden", xml: "<worksheet>"}, seen},
		"behind a lost hidden one":    {{name: "Old", state: "hidden"}, seen},
	} {
		table, no := sheet.Read(bookOf(t, tabs...))
		if no.Refused() || len(table.Rows) != 1 || table.Rows[0].Cells[0] != "1" {
			t.Errorf("%s: %v %s", name, table.Rows, no.Detail())
		}
	}
}
