package sheet_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/tier"
)

// zipped packs parts by their names into a ZIP file.
func zipped(t *testing.T, parts ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.Create(p[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(p[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Names of relations, as LibreOffice and strict writers write them.
const (
	relations = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	strict    = `http://purl.oclc.org/ooxml/officeDocument/relationships/`
	topLinks  = relations + `<Relationship Id="a" Type="` + strict + `officeDocument" Target="book/main.xml"/></Relationships>`
)

// packParts makes an XLSX file of these parts: a sheet, and the texts that its cells share.
func packParts(t *testing.T, sheetXML, shared string) []byte {
	t.Helper()
	return zipped(t, [2]string{"_rels/.rels", topLinks},
		[2]string{"book/main.xml", `<workbook xmlns:r="x"><sheets><sheet name="Meters" sheetId="4" r:id="s1"/><sheet name="Other" sheetId="5" r:id="s2"/></sheets></workbook>`},
		[2]string{"book/_rels/main.xml.rels", relations + `<Relationship Id="s2" Type="` + strict + `worksheet" Target="none.xml"/>` +
			`<Relationship Id="s1" Type="` + strict + `worksheet" Target="/book/one.xml"/><Relationship Id="t" Type="` + strict + `sharedStrings" Target="../texts.xml"/></Relationships>`},
		[2]string{"texts.xml", shared}, [2]string{"book/one.xml", sheetXML}, [2]string{"book/none.xml", "<worksheet/>"})
}

// TestWorkbooksOfManyWriters reads cells as different programs write them: shared, in the cell, in pieces with formats, without their places.
func TestWorkbooksOfManyWriters(t *testing.T) {
	file := packParts(t, `<?xml version="1.0"?><worksheet><sheetData>`+
		`<row r="2"><c r="A2" t="s"><v>0</v></c><c r="C2" t="inlineStr"><is><t>name</t></is></c></row>`+
		`<row/>`+
		`<row r="5"><c r="A5"><v>4140001001</v></c><c r="B5" s="3"/><c r="C5" t="s"><v>1</v></c></row>`+
		`<row><c t="str"><f>"0"&amp;"4"</f><v>04</v></c><c/><c t="inlineStr"><is><r><t>Jo</t></r><r><t>sé</t></r></is></c></row>`+
		`</sheetData></worksheet>`,
		`<sst><si><t>number</t></si><si><r><rPr><b/></rPr><t>Ami</t></r><r><t>na</t></r><rPh sb="0" eb="1"><t>not this</t></rPh></si></sst>`)
	table, no := sheet.Read(file)
	if no.Refused() {
		t.Fatal(no.Detail())
	}
	if got, want := fmt.Sprint(table.Header, table.Rows), "[number  name] [{5 [4140001001  Amina] false false} {6 [04  José] false false}]"; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
}

// TestNoRowOfADamagedWorkbookIsLeftOut: a workbook is read whole or not at all.
func TestNoRowOfADamagedWorkbookIsLeftOut(t *testing.T) {
	tier.Slow(t)
	const head = `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>number</t></is></c></row><row r="2"><c r="A2"><v>1</v></c></row>`
	for name, c := range map[string]struct{ sheet, shared, want string }{
		"cut in a row":         {head + `<row r="3"><c r="A3"><v>2</v>`, "<sst/>", "not a workbook that can be read"},
		"cut between rows":     {head, "<sst/>", "not a workbook that can be read"},
		"a text that is none":  {head + `<row r="3"><c r="A3" t="s"><v>7</v></c></row></sheetData></worksheet>`, "<sst/>", "not a workbook that can be read"},
		"a negative text":      {head + `<row r="3"><c r="A3" t="s"><v>-1</v></c></row></sheetData></worksheet>`, "<sst/>", "not a workbook that can be read"},
		"a row of letters":     {head + `<row r="x"/></sheetData></worksheet>`, "<sst/>", "not a workbook that can be read"},
		"texts cut off":        {head + `</sheetData></worksheet>`, "<sst><si><t>a", "not a workbook that can be read"},
		"an unknown entity":    {head + `<row r="3"><c r="A3"><v>&x;</v></c></row></sheetData></worksheet>`, "<sst/>", "not a workbook that can be read"},
		"a column far away":    {head + `<row r="3"><c r="XFD3"><v>2</v></c></row></sheetData></worksheet>`, "<sst/>", "more than 100 columns"},
		"a place without name": {head + `<row r="3"><c r="33"><v>2</v></c></row></sheetData></worksheet>`, "<sst/>", "more than 100 columns"},
		"a long place":         {head + `<row r="3"><c r="` + strings.Repeat("Z", 500) + `3"><v>2</v></c></row></sheetData></worksheet>`, "<sst/>", "more than 100 columns"},
		"too many rows":        {head + strings.Repeat(`<row><c t="n"><v>2</v></c></row>`, sheet.MaxRows+1) + `</sheetData></worksheet>`, "<sst/>", "more than 20000 rows"},
		"a text in every row":  {head + strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, 9000) + `</sheetData></worksheet>`, "<sst><si><t>" + strings.Repeat("x", 1000) + "</t></si></sst>", "more than 8 MB together"},
		"a long gap":           {head + strings.Repeat(" ", 1<<20) + `</sheetData></worksheet>`, "<sst/>", "a text or a tag of more than 256 KB"},
		"unpacks to 100 MB":    {head + strings.Repeat(strings.Repeat(" ", 100<<10)+"<a/>", 1000) + `</sheetData></worksheet>`, "<sst/>", "unpacks to more than 64 MB"},
		"many elements":        {head + strings.Repeat(`<row/>`, 2_100_000) + `</sheetData></worksheet>`, "<sst/>", "more than 2100000 cells, texts and other elements"},
		"deep elements":        {head + strings.Repeat(`<a>`, 40), "<sst/>", "more than 32 elements inside one another"},
	} {
		texts := map[string]string{"UTF-8": c.sheet}
		if len(c.sheet) < 32<<20 { // the test itself needs much memory for more
			texts["UTF-16"] = inWide(c.sheet, binary.LittleEndian)
		}
		for encoding, text := range texts {
			_, no := sheet.Read(packParts(t, text, c.shared))
			if no.Code != refusal.ImportUnreadable || !strings.Contains(no.Detail(), c.want) {
				t.Errorf("%s in %s: %q, want %q", name, encoding, no.Detail(), c.want)
			}
		}
	}
}
