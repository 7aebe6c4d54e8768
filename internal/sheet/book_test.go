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

// TestHiddenRowsAndColumnsAreNamed: the table has them like all others, and says which they are. Rows and columns without values hide nothing.
func TestHiddenRowsAndColumnsAreNamed(t *testing.T) {
	row := func(line int, attributes string, values ...string) string {
		var b strings.Builder
		fmt.Fprintf(&b, `<row r="%d" %s>`, line, attributes)
		for _, v := range values {
			fmt.Fprintf(&b, `<c t="inlineStr"><is><t>%s</t></is></c>`, v)
		}
		return b.String() + "</row>"
	}
	heads := row(1, "", "number", "name", "", "note")
	plain := heads + row(2, "", "1", "Amina", "", "x")
	for name, c := range map[string]struct {
		columns, rows string
		want          string // rows and columns
	}{
		"nothing":                       {"", plain, "[] []"},
		"which says so":                 {`<col min="1" max="2" hidden="0" width="9.1"/>`, heads + row(2, `hidden="false" ht="15"`, "1"), "[] []"},
		"a row":                         {"", plain + row(3, `hidden="1"`, "2"), "[3] []"},
		"a row, in words":               {"", plain + row(3, `hidden="true"`, "2"), "[3] []"},
		"a row without height":          {"", plain + row(3, `ht="0" customHeight="1"`, "2") + row(4, `ht="0.0"`, "2") + row(5, `ht="0.4"`, "2") + row(6, `ht="NaN"`, "2"), "[3 4 5 6] []"},
		"rows behind a filter":          {"", plain + row(7, `spans="1:2" hidden="1"`, "2") + row(8, `hidden="1"`, "3") + row(9, "", "4"), "[7 8] []"},
		"a row without values":          {"", plain + row(3, `hidden="1"`, "", " ") + `<row r="4" hidden="1"/>`, "[] []"},
		"the headings":                  {"", row(1, `hidden="1"`, "number") + row(2, "", "1"), "[1] []"},
		"a row without a number":        {"", plain + `<row hidden="1"><c><v>2</v></c></row>`, "[3] []"},
		"a column":                      {`<col min="2" max="2" hidden="1"/>`, plain, "[] [1]"},
		"a column without width":        {`<col min="2" max="2" width="0.05"/>`, plain, "[] [1]"},
		"all columns":                   {`<col min="1" max="16384" hidden="1"/>`, plain, "[] [0 1 3]"},
		"two ranges":                    {`<col min="1" max="1" hidden="true"/><col min="2" max="3" width="9"/><col min="4" max="9" hidden="1"/>`, plain, "[] [0 3]"},
		"ranges over one another":       {`<col min="1" max="2" hidden="1"/><col min="2" max="2" hidden="1"/>`, plain, "[] [0 1]"},
		"a column without a heading":    {`<col min="3" max="3" hidden="1"/>`, heads + row(2, "", "1", "", "x"), "[] [2]"},
		"columns behind the list":       {`<col min="5" max="16384" hidden="1"/>`, plain, "[] []"},
		"columns far behind all limits": {`<col min="999999999" max="9999999999" hidden="1"/>`, plain, "[] []"},
		"both":                          {`<col min="4" max="4" hidden="1"/>`, plain + row(3, `hidden="1"`, "2"), "[3] [3]"},
	} {
		table, no := sheet.Read(bookOf(t, tab{name: "M", xml: "<worksheet><cols>" + c.columns + "</cols><sheetData>" + c.rows + "</sheetData></worksheet>"}))
		if got := fmt.Sprint(table.Book.HiddenRows, table.Book.HiddenColumns); no.Refused() || got != c.want || table.Book.IsHidden {
			t.Errorf("%s: %s %s, want %s", name, got, no.Detail(), c.want)
		}
	}
	for _, column := range []string{`<col hidden="1"/>`, `<col min="x" max="2" hidden="1"/>`, `<col min="0" max="2" hidden="1"/>`, `<col min="3" max="2" hidden="1"/>`} {
		if _, no := sheet.Read(bookOf(t, tab{name: "M", xml: "<worksheet><cols>" + column + "</cols><sheetData>" + plain + "</sheetData></worksheet>"})); no.Code != refusal.ImportUnreadable {
			t.Errorf("%s is read", column)
		}
	}
	table, _ := sheet.ReadSheet(bookOf(t, tab{name: "Old", state: "veryHidden", xml: listXML("number", "2")}, tab{name: "Older", state: "hidden"}, tab{name: "M", xml: listXML("number", "1")}), "old")
	if got := table.Book.HiddenSheets(); !table.Book.IsHidden || !slices.Equal(got, []string{"Older"}) {
		t.Errorf("a hidden sheet: %+v, beside it %q", table.Book, got)
	}
}

// TestSpansOfRows: rows that follow one another are one span, and the text stays short.
func TestSpansOfRows(t *testing.T) {
	var odd []int
	for i := range 25 {
		odd = append(odd, 2*i+1)
	}
	for _, c := range []struct {
		rows []int
		want string
	}{{nil, ""}, {[]int{4}, "4"}, {[]int{4, 5}, "4–5"}, {[]int{2, 4, 5, 6, 9, 11, 12}, "2, 4–6, 9, 11–12"}, {[]int{5, 5, 4}, "5, 5, 4"}, {odd[:20], "1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39"},
		{odd, "1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, …"}} {
		if got := sheet.Spans(c.rows); got != c.want {
			t.Errorf("%v: %q, want %q", c.rows, got, c.want)
		}
	}
}
