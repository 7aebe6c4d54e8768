package sheet_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/refusal"
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

// TestSeveralSheetsAreAskedFor: if several visible sheets have rows, nobody guesses which one is meant.
func TestSeveralSheetsAreAskedFor(t *testing.T) {
	meters := tab{name: "Meters", xml: listXML("number", "1")}
	notes := tab{name: "Notes", xml: listXML("What this is", "a list")}
	wrong := tab{name: "Wrong", xml: listXML("a|a", "1|2")} // two columns have one name
	old := tab{name: "Old", state: "hidden", xml: listXML("number", "2")}
	chart := tab{name: "Chart", kind: "chartsheet", xml: "<chartsheet/>"}
	empty := tab{name: "Empty", xml: "<worksheet/>"}
	for _, c := range []struct {
		what, sheet string
		tabs        []tab
		value, want string // the one value of the list, or what the refusal says
		others      []string
	}{
		{"two with rows", "", []tab{meters, notes}, "", `Several sheets of the workbook have rows: "Meters", "Notes".`, nil},
		{"the first of them", "Meters", []tab{meters, notes}, "1", "", []string{"Notes"}},
		{"in small letters", "meters", []tab{notes, meters}, "1", "", []string{"Notes"}},
		{"in capitals", "METERS", []tab{notes, meters, old, chart}, "1", "", []string{"Notes"}},
		{"one that cannot be read", "", []tab{wrong, meters}, "", `"Wrong", "Meters"`, nil},
		{"a second one that cannot be read", "", []tab{meters, wrong}, "", `"Meters", "Wrong"`, nil},
		{"that one alone", "", []tab{wrong, empty}, "", `Two columns have the name "a".`, nil},
		{"three", "", []tab{meters, empty, notes, old, wrong}, "", `have rows: "Meters", "Notes", "Wrong".`, nil},
		{"a hidden one beside", "", []tab{old, meters, chart, empty}, "1", "", nil},
		{"the hidden one", "old", []tab{old, meters}, "2", "", []string{"Meters"}},
		{"only hidden ones", "", []tab{old, empty}, "", `It hides the sheets "Old".`, nil},
		{"nothing", "", []tab{empty, chart}, "", "The file is empty.", nil},
		{"an unknown one", "Metres", []tab{meters, old, chart}, "", `The workbook has no sheet "Metres". It has "Meters", "Old".`, nil},
		{"a chart", "Chart", []tab{meters, chart}, "", `The workbook has no sheet "Chart".`, nil},
		{"an empty one", "Empty", []tab{meters, empty}, "", "The file is empty.", nil},
		{"a part that is missing", "", []tab{meters, {name: "Lost"}}, "", "not a workbook that can be read", nil},
		{"one name twice", "", []tab{meters, {name: "METERS", xml: "<worksheet/>"}}, "", "not a workbook that can be read", nil},
		{"no name", "", []tab{meters, {xml: "<worksheet/>"}}, "", "not a workbook that can be read", nil},
		{"a very long name", "", []tab{meters, {name: strings.Repeat("x", 501), xml: "<worksheet/>"}}, "", "not a workbook that can be read", nil},
	} {
		table, no := sheet.ReadSheet(bookOf(t, c.tabs...), c.sheet)
		if c.want != "" {
			if no.Code != refusal.ImportUnreadable || !strings.Contains(no.Detail(), c.want) {
				t.Errorf("%s: %q, want %q", c.what, no.Detail(), c.want)
			}
			continue
		}
		if no.Refused() || len(table.Rows) != 1 || table.Rows[0].Cells[0] != c.value || !slices.Equal(table.Book.Others, c.others) {
			t.Errorf("%s: %v %v %s", c.what, table.Rows, table.Book, no.Detail())
		}
	}
	table, _ := sheet.ReadSheet(bookOf(t, meters, old, notes), "")
	if want := []sheet.Sheet{{Name: "Meters"}, {Name: "Old", IsHidden: true}, {Name: "Notes"}}; !slices.Equal(table.Book.Sheets, want) {
		t.Errorf("the refusal comes with %v, want %v", table.Book.Sheets, want)
	}
	if _, no := sheet.ReadSheet([]byte("number\n1\n"), "Meters"); !strings.Contains(no.Detail(), `it has no sheet "Meters"`) {
		t.Errorf("a list with a sheet's name: %s", no.Detail())
	}
}

// TestManySheetsAreNamedInPart: a refusal stays short however many sheets a workbook has, and a workbook has a limit of them.
func TestManySheetsAreNamedInPart(t *testing.T) {
	var tabs []tab
	for i := range 1001 {
		tabs = append(tabs, tab{name: fmt.Sprintf("Sheet %d", i), xml: listXML("number", "1")})
	}
	if _, no := sheet.Read(bookOf(t, tabs[:1000]...)); !strings.Contains(no.Detail(), `"Sheet 19", ….`) || strings.Contains(no.Detail(), "Sheet 20") {
		t.Errorf("1000 sheets: %s", no.Detail())
	}
	if _, no := sheet.Read(bookOf(t, tabs...)); !strings.Contains(no.Detail(), "more than 1000 sheets") {
		t.Errorf("1001 sheets: %s", no.Detail())
	}
}
