package hostile

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
)

// Limits of an import (internal/sheet), and what hostile parts unpack to.
const (
	listSize = 8 << 20
	partSize = 60 << 20
)

// Names and contents of the parts of a workbook.
const (
	topRels  = "_rels/.rels"
	bookPart = "xl/workbook.xml"
	bookRels = "xl/_rels/workbook.xml.rels"
	textPart = "xl/sharedStrings.xml"
	listPart = "xl/worksheets/sheet1.xml"

	office    = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	relsHead  = `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	topText   = relsHead + `<Relationship Id="r1" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	bookText  = `<?xml version="1.0"?><workbook xmlns:r="` + office + `"><sheets><sheet name="M" sheetId="1" r:id="r1"/></sheets></workbook>`
	bookLinks = relsHead + `<Relationship Id="r1" Type="` + office + `/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="r2" Type="` + office + `/sharedStrings" Target="sharedStrings.xml"/></Relationships>`
	sheetHead = `<?xml version="1.0"?><worksheet><sheetData>`
	sheetTail = `</sheetData></worksheet>`
	headings  = `<row r="1"><c r="A1" t="inlineStr"><is><t>number</t></is></c><c r="B1" t="inlineStr"><is><t>name</t></is></c></row>`
	oneRow    = `<row r="2"><c r="A2" t="s"><v>0</v></c></row>`
	oneText   = `<sst><si><t>04140001001</t></si></sst>`
	textsHead = `<sst><si><t>04140001001</t></si>`
)

// contents are the parts of a workbook by their names.
type contents map[string][]byte

// workbook packs parts. The usual parts that are not given are those of a small honest workbook.
func workbook(parts contents) []byte {
	var b bytes.Buffer
	more := maps.Clone(parts) // what is not usual
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	usual := []struct{ name, text string }{{topRels, topText}, {bookPart, bookText}, {bookRels, bookLinks}, {textPart, oneText},
		{listPart, sheetHead + headings + oneRow + sheetTail}}
	for _, p := range usual {
		content, given := parts[p.name]
		if !given {
			content = []byte(p.text)
		}
		w, err := z.Create(p.name)
		if err != nil {
			panic(err)
		}
		if _, err := w.Write(content); err != nil {
			panic(err)
		}
		delete(more, p.name)
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		w, err := z.Create(name)
		if err != nil {
			panic(err)
		}
		if _, err := w.Write(more[name]); err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// packSheets packs a workbook of visible sheets that have the same content.
func packSheets(count int, content string) []byte {
	parts := contents{}
	var list, links strings.Builder
	for i := range count {
		fmt.Fprintf(&list, `<sheet name="M%[1]d" sheetId="%[1]d" r:id="s%[1]d"/>`, i+1)
		fmt.Fprintf(&links, `<Relationship Id="s%[1]d" Type="%[2]s/worksheet" Target="worksheets/s%[1]d.xml"/>`, i+1, office)
		parts[fmt.Sprintf("xl/worksheets/s%d.xml", i+1)] = []byte(content)
	}
	parts[bookPart] = []byte(`<workbook><sheets>` + list.String() + `</sheets></workbook>`)
	parts[bookRels] = []byte(relsHead + links.String() + `</Relationships>`)
	return workbook(parts)
}

// sheet packs a workbook whose sheet has a text after its headings.
func sheet(rows []byte, tail string) []byte {
	return workbook(contents{listPart: bytes.Join([][]byte{[]byte(sheetHead + headings), rows, []byte(tail)}, nil)})
}

// piece adds a workbook whose sheet repeats a piece.
func (s *fileList) piece(quick bool, name, piece string, size int) {
	build := func() []byte { return sheet(filled("", piece, "", size), sheetTail) }
	if quick {
		s.quick(name, build)
	} else {
		s.add(name, build)
	}
}

// inPart adds a workbook one of whose parts repeats a piece.
func (s *fileList) inPart(name, part, head, piece, tail string, size int) {
	s.add(name, func() []byte { return workbook(contents{part: filled(head, piece, tail, size)}) })
}

func workbooks() []File {
	s := &fileList{kind: Workbook}
	s.inflated()
	s.cells()
	s.structure()
	s.packed()
	s.values()
	return s.all
}

// inflated adds workbooks that unpack to very much.
func (s *fileList) inflated() {
	s.piece(true, "blanks between rows", strings.Repeat(" ", 1000), partSize)
	s.piece(false, "line feeds between rows", strings.Repeat("\n", 1000), partSize)
	s.add("blanks between rows, 400 MB", func() []byte { return sheet(filled("", strings.Repeat(" ", 1000), "", 400<<20), sheetTail) })
	s.inPart("blanks between texts", textPart, textsHead, strings.Repeat(" ", 1000), "</sst>", partSize)
	s.inPart("blanks in the list of sheets", bookPart, "<workbook>", strings.Repeat(" ", 1000), bookText, partSize)
	s.inPart("blanks in the relations of the file", topRels, relsHead, strings.Repeat(" ", 1000), "</Relationships>", partSize)
	s.inPart("blanks in the relations of the book", bookRels, relsHead, strings.Repeat(" ", 1000), "</Relationships>", partSize)
	s.add("blanks in every part", func() []byte {
		blanks := strings.Repeat(" ", 30<<20)
		return workbook(contents{topRels: []byte(strings.Replace(topText, "<Rel", blanks+"<Rel", 1)), bookPart: []byte(strings.Replace(bookText, "<sheets", blanks+"<sheets", 1)),
			bookRels: []byte(strings.Replace(bookLinks, "<Rel", blanks+"<Rel", 1)), textPart: []byte("<sst>" + blanks + "<si><t>0414</t></si></sst>"),
			listPart: []byte(sheetHead + headings + blanks + oneRow + sheetTail)})
	})
	s.quick("one value of 60 MB", func() []byte {
		return sheet(filled(`<row r="2"><c r="A2"><v>`, strings.Repeat("7", 1000), `</v></c></row>`, partSize), sheetTail)
	})
	s.add("one value of many entities", func() []byte {
		return sheet(filled(`<row r="2"><c r="A2"><v>`, "&#65;&amp;", `</v></c></row>`, partSize), sheetTail)
	})
	s.add("one shared text of 60 MB", func() []byte {
		return workbook(contents{textPart: filled("<sst><si><t>", strings.Repeat("7", 1000), "</t></si></sst>", partSize)})
	})
	s.add("one comment of 60 MB", func() []byte { return sheet(filled("<!--", strings.Repeat("x", 1000), "-->", partSize), sheetTail) })
	s.add("one instruction of 60 MB", func() []byte { return sheet(filled("<?x ", strings.Repeat("x", 1000), "?>", partSize), sheetTail) })
	s.add("one section of characters of 60 MB", func() []byte {
		return sheet(filled(`<row r="2"><c r="A2"><v><![CDATA[`, strings.Repeat("x", 1000), `]]></v></c></row>`, partSize), sheetTail)
	})
	s.add("one attribute of 60 MB", func() []byte {
		return sheet(filled(`<row r="2" x="`, strings.Repeat("x", 1000), `"/>`, partSize), sheetTail)
	})
	s.add("one name of 60 MB", func() []byte { return sheet(filled(`<`, strings.Repeat("x", 1000), `/>`, partSize), sheetTail) })
	s.add("a tag that never ends", func() []byte { return sheet(filled(`<row `, strings.Repeat(" ", 1000), ``, partSize), "") })
}

// cells adds workbooks with too many cells, rows and places.
func (s *fileList) cells() {
	s.quick("last column in every row", func() []byte {
		return sheet(numbered("", `<row><c r="GR%[1]d"><v>1</v></c></row>`, "", 1<<20), sheetTail) // GR is column 200
	})
	s.add("column XFD1048576", func() []byte {
		return sheet(filled("", `<row><c r="XFD1048576"><v>1</v></c></row>`, "", 8<<20), sheetTail)
	})
	s.add("empty column XFD1048576", func() []byte { return sheet(filled("", `<row><c r="XFD1048576"/></row>`, "", 8<<20), sheetTail) })
	s.add("column of 500 letters", func() []byte {
		return sheet(filled("", `<row><c r="`+strings.Repeat("Z", 500)+`1"/></row>`, "", partSize), sheetTail)
	})
	s.piece(false, "200 columns, empty before the last", `<row><c/><c r="CV1"><v>1</v></c><c r="GR1"><v>2</v></c></row>`, 8<<20)
	s.add("20,000 rows of 200 values", func() []byte {
		return sheet(filled("", "<row>"+strings.Repeat("<c><v>1</v></c>", 200)+"</row>", "", 61<<20), sheetTail)
	})
	s.add("20,000 rows of 100 values below 100 headings", func() []byte {
		var head strings.Builder
		for i := range 100 {
			fmt.Fprintf(&head, "<c><v>h%d</v></c>", i)
		}
		row := "<row>" + strings.Repeat("<c><v>12</v></c>", 100) + "</row>"
		return workbook(contents{listPart: []byte(sheetHead + "<row>" + head.String() + "</row>" + strings.Repeat(row, 20_000) + sheetTail)})
	})
	s.add("20,000 rows of 50 values below 50 headings", func() []byte {
		var head strings.Builder
		for i := range 50 {
			fmt.Fprintf(&head, "<c><v>h%d</v></c>", i)
		}
		row := "<row>" + strings.Repeat("<c><v>1234567890</v></c>", 50) + "</row>"
		return workbook(contents{listPart: []byte(sheetHead + "<row>" + head.String() + "</row>" + strings.Repeat(row, 20_000) + sheetTail)})
	})
	s.piece(true, "millions of empty rows", "<row/>", 32<<20)
	s.piece(false, "millions of rows without values", "<row><c/></row>", 32<<20)
	s.quick("one row of millions of cells", func() []byte { return sheet(filled("<row>", "<c/>", "</row>", 32<<20), sheetTail) })
	s.add("one row of a million values in one column", func() []byte { return sheet(filled("<row>", `<c r="A2"><v>1</v></c>`, "</row>", 32<<20), sheetTail) })
	s.add("one row of values without places", func() []byte { return sheet(filled("<row>", `<c><v>1</v></c>`, "</row>", 32<<20), sheetTail) })
	s.piece(false, "rows inside rows", "<row><row/></row>", 32<<20)
	s.piece(false, "rows with a number beyond all", `<row r="9223372036854775807"><c><v>1</v></c></row>`, 4<<20)
	s.piece(false, "rows with a number too large", `<row r="99999999999999999999999999"><c><v>1</v></c></row>`, 4<<20)
	s.piece(false, "rows with a negative number", `<row r="-5"><c><v>1</v></c></row>`, 4<<20)
	for i, merge := range []string{`<mergeCell ref="A1:A1048576"/>`, `<mergeCell ref="A1048576:A1"/>`, `<mergeCell ref="A2:XFD9223372036854775807"/>`} {
		build := func() []byte {
			rows := strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, 19_000)
			return sheet(filled(rows+"</sheetData><mergeCells>", merge, "</mergeCells>", 5<<20+len(rows)), "</worksheet>")
		}
		if i == 0 {
			s.quick("merged cells over all rows", build)
		} else {
			s.add(fmt.Sprintf("merged cells, form %d", i), build)
		}
	}
	s.add("merged cells of all kinds", func() []byte {
		rows := strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, 19_000)
		return sheet(numbered(rows+"</sheetData><mergeCells>", `<mergeCell ref="A%[1]d:B%[1]d9"/>`, "</mergeCells>", 30<<20), "</worksheet>")
	})
	s.add("merged cells of one row each", func() []byte {
		return sheet(numbered(oneRow+"</sheetData><mergeCells>", `<mergeCell ref="A%[1]d:B%[1]d"/>`, "</mergeCells>", 30<<20), "</worksheet>")
	})
	s.add("merged cells with thousands of references", func() []byte {
		return sheet(filled(oneRow+"</sheetData><mergeCells><mergeCell", ` ref="A1:A9"`, "/></mergeCells>", 30<<20), "</worksheet>")
	})
}

// structure adds workbooks whose XML is deep, wide or strange.
func (s *fileList) structure() {
	s.quick("nested elements", func() []byte { return sheet(nested("", "<a>", "</a>", "", partSize), sheetTail) })
	s.add("nested elements that stay open", func() []byte { return sheet(filled("", "<a>", "", partSize), "") })
	s.add("nested rows", func() []byte { return sheet(nested("", "<row>", "</row>", "", partSize), sheetTail) })
	s.add("nested in a row", func() []byte { return sheet(nested("<row>", "<a>", "</a>", "</row>", partSize), sheetTail) })
	s.add("nested cells", func() []byte { return sheet(nested("<row>", "<c>", "</c>", "</row>", partSize), sheetTail) })
	s.add("nested in a text", func() []byte {
		return sheet(nested(`<row><c t="inlineStr"><is>`, "<r>", "</r>", "</is></c></row>", partSize), sheetTail)
	})
	s.add("nested names of namespaces", func() []byte { return sheet(nested("", `<a:b xmlns:a="c">`, "</a:b>", "", partSize), sheetTail) })
	for _, p := range []struct{ name, part, head, tail string }{{"shared texts", textPart, "<sst>", "</sst>"}, {"one shared text", textPart, "<sst><si>", "</si></sst>"},
		{"the list of sheets", bookPart, "<workbook>", "</workbook>"}, {"relations of the file", topRels, relsHead, "</Relationships>"},
		{"relations of the book", bookRels, relsHead, "</Relationships>"}} {
		s.add("nested in "+p.name, func() []byte { return workbook(contents{p.part: nested(p.head, "<a>", "</a>", p.tail, partSize)}) })
	}
	s.quick("attributes", func() []byte { return sheet(numbered("<row", ` a%[1]d=""`, "/>", 30<<20), sheetTail) })
	s.add("attributes of every cell", func() []byte {
		return sheet(filled("<row>", "<c"+strings.Repeat(` a="1"`, 1000)+"/>", "</row>", 30<<20), sheetTail)
	})
	s.add("places of one cell", func() []byte { return sheet(filled("<row><c", ` r="A1"`, "/></row>", 30<<20), sheetTail) })
	s.add("namespaces", func() []byte { return sheet(numbered("<row", ` xmlns:a%[1]d="b"`, "/>", 30<<20), sheetTail) })
	s.add("namespaces of every row", func() []byte {
		return sheet(filled("", "<row"+strings.Repeat(` xmlns:a="b"`, 500)+"/>", "", 30<<20), sheetTail)
	})
	s.quick("entities that contain entities", func() []byte {
		var d strings.Builder
		d.WriteString(`<!DOCTYPE x [<!ENTITY e0 "lol">`)
		for i := 1; i < 30; i++ {
			fmt.Fprintf(&d, `<!ENTITY e%d "%s">`, i, strings.Repeat(fmt.Sprintf("&e%d;", i-1), 10))
		}
		return workbook(contents{listPart: []byte(d.String() + "]>" + sheetHead + headings + `<row><c><v>&e29;</v></c></row>` + sheetTail)})
	})
	s.add("an entity of a file", func() []byte {
		return workbook(contents{listPart: []byte(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///dev/zero">]>` + sheetHead + headings + `<row><c><v>&e;</v></c></row>` + sheetTail)})
	})
	s.add("a document type of 30 MB", func() []byte {
		return workbook(contents{listPart: filled("<!DOCTYPE x [", "<!ENTITY e 'a'>", "]>"+sheetHead+headings+sheetTail, 30<<20)})
	})
	s.add("a document type that opens forever", func() []byte { return workbook(contents{listPart: filled("<!DOCTYPE x ", "<a ", "", 30<<20)}) })
	s.piece(false, "comments", "<!---->", partSize)
	s.piece(false, "instructions", "<?a?>", partSize)
	s.piece(false, "sections of characters", "<![CDATA[]]>", partSize)
	s.piece(false, "pieces of a text", `<row><c t="inlineStr"><is>`+strings.Repeat("<r><t/></r>", 10_000)+`</is></c></row>`, partSize)
	s.piece(false, "unknown elements", "<a/>", partSize)
	s.piece(false, "unknown elements with texts", "<a>b</a>", partSize)
	for _, p := range []struct{ name, piece string }{{"columns", `<col min="1" max="16384"/>`}, {"hyperlinks", `<hyperlink ref="A1"/>`}, {"formats", `<conditionalFormatting sqref="A1:XFD1048576"/>`}} {
		s.add("millions of "+p.name, func() []byte {
			return sheet(filled(oneRow+"</sheetData><x>", p.piece, "</x>", partSize), "</worksheet>")
		})
	}
	s.inPart("millions of sheets", bookPart, "<workbook><sheets>", `<sheet id="r1"/>`, "</sheets></workbook>", 32<<20)
	s.inPart("millions of relations of the file", topRels, relsHead, `<Relationship Id="a" Type="b" Target="c"/>`, "</Relationships>", 32<<20)
	s.inPart("millions of relations of the book", bookRels, relsHead, `<Relationship Id="a" Type="b" Target="c"/>`, "</Relationships>", 32<<20)
	s.inPart("millions of short relations", bookRels, relsHead, `<Relationship/>`, "</Relationships>", 32<<20)
	s.inPart("millions of shared texts", textPart, textsHead, "<si><t>a</t></si>", "</sst>", 32<<20)
	s.inPart("millions of empty shared texts", textPart, textsHead, "<si/>", "</sst>", 32<<20)
	s.inPart("millions of pieces of one shared text", textPart, textsHead+"<si>", "<r><t>a</t></r>", "</si></sst>", 32<<20)
	s.inPart("millions of texts of one shared text", textPart, textsHead+"<si>", "<t>a</t>", "</si></sst>", 32<<20)
	s.add("millions of hidden columns", func() []byte {
		return sheet(filled(oneRow+"</sheetData><cols>", `<col min="1" max="16384" hidden="1"/>`, "</cols>", partSize), "</worksheet>")
	})
	s.piece(false, "hidden rows", `<row hidden="1" ht="0"><c><v>1</v></c></row>`, 8<<20)
	s.quick("20 sheets of empty rows", func() []byte { return packSheets(20, string(filled(sheetHead, "<row/>", sheetTail, 3<<20))) })
	s.add("20 sheets of blanks", func() []byte {
		return packSheets(20, string(filled(sheetHead, strings.Repeat(" ", 1000), sheetTail, 4<<20)))
	})
	s.add("1,000 empty sheets", func() []byte { return packSheets(1000, sheetHead+sheetTail) })
	s.add("1,000 sheets of rows", func() []byte { return packSheets(1000, sheetHead+headings+"<row><c><v>1</v></c></row>"+sheetTail) })
	s.add("100,000 sheets", func() []byte {
		return workbook(contents{bookPart: numbered("<workbook><sheets>", `<sheet name="M%[1]d" id="s%[1]d"/>`, "</sheets></workbook>", 4<<20)})
	})
	s.inUTF16()
	s.add("a sheet of zero bytes", func() []byte { return workbook(contents{listPart: make([]byte, partSize)}) })
	s.add("a sheet of invalid UTF-8", func() []byte { return sheet(bytes.Repeat([]byte{0xff}, partSize), sheetTail) })
}

// inUTF16 adds workbooks with a part in UTF-16. The other parts are honest.
func (s *fileList) inUTF16() {
	const head = `<?xml version="1.0" encoding="UTF-16"?><worksheet><sheetData>` + headings
	inSheet := func(text []byte) []byte { return workbook(contents{listPart: wide(string(text))}) }
	s.quick("a sheet in UTF-16", func() []byte { return inSheet(filled(head, "<row/>", sheetTail, 30<<20)) })
	s.quick("UTF-16 that is longer as UTF-8", func() []byte {
		return inSheet(filled(head+"<a>", strings.Repeat("漢", 1000)+"<b/>", "</a>"+sheetTail, 90<<20))
	})
	s.add("blanks in UTF-16", func() []byte { return inSheet(filled(head, strings.Repeat(" ", 1000), sheetTail, 30<<20)) })
	s.add("blanks and elements in UTF-16", func() []byte { return inSheet(filled(head, strings.Repeat(" ", 1000)+"<a/>", sheetTail, 30<<20)) })
	s.add("one value in UTF-16", func() []byte {
		return inSheet(filled(head+`<row><c><v>`, strings.Repeat("7", 1000), `</v></c></row>`+sheetTail, 30<<20))
	})
	s.add("one value of Asian letters in UTF-16", func() []byte {
		return inSheet(filled(head+`<row><c><v>`, strings.Repeat("漢", 1000), `</v></c></row>`+sheetTail, 60<<20))
	})
	s.add("texts of letters of two units in UTF-16", func() []byte {
		return inSheet(filled(head, `<row><c t="inlineStr"><is><t>`+strings.Repeat("😀", 1000)+"</t></is></c></row>", sheetTail, 60<<20))
	})
	s.add("nested elements in UTF-16", func() []byte { return inSheet(nested(head, "<a>", "</a>", sheetTail, 30<<20)) })
	s.add("attributes in UTF-16", func() []byte { return inSheet(numbered(head+"<row", ` a%[1]d=""`, "/>"+sheetTail, 20<<20)) })
	s.add("entities in UTF-16", func() []byte {
		return inSheet([]byte(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///dev/zero">]>` + sheetHead + headings + `<row><c><v>&e;</v></c></row>` + sheetTail))
	})
	s.add("texts in UTF-16", func() []byte {
		return workbook(contents{textPart: wide(string(filled("<sst>", "<si><t>漢漢漢漢</t></si>", "</sst>", 40<<20)))})
	})
	s.add("halves of letters in UTF-16", func() []byte {
		return workbook(contents{listPart: append([]byte{0xff, 0xfe}, bytes.Repeat([]byte{0, 0xd8}, partSize/2)...)})
	})
	s.add("pairs of halves in UTF-16", func() []byte {
		return workbook(contents{listPart: append([]byte{0xff, 0xfe}, bytes.Repeat([]byte{0x3d, 0xd8, 0, 0xde}, partSize/4)...)})
	})
	s.add("every part in UTF-16", func() []byte {
		blanks := strings.Repeat(" ", 200<<10)
		pause := func(text, before string) []byte {
			return wide(strings.Replace(text, before, strings.Repeat(blanks+"<a/>", 40)+before, 1))
		}
		return workbook(contents{topRels: pause(topText, "<Rel"), bookPart: pause(bookText, "<sheets"), bookRels: pause(bookLinks, "<Rel"), textPart: pause(oneText, "<si"),
			listPart: pause(sheetHead+headings+oneRow+sheetTail, "<row")})
	})
}

// packed adds ZIP files that are strange themselves.
func (s *fileList) packed() {
	s.quick("ZIP of 170,000 entries", func() []byte { return zipOf(entriesOf(listSize/47, func(int) string { return "" })) })
	s.add("ZIP of entries of one name", func() []byte { return zipOf(entriesOf(listSize/60, func(int) string { return topRels })) })
	s.add("ZIP of long names", func() []byte {
		return zipOf(entriesOf(listSize/65_100, func(i int) string { return fmt.Sprintf("%065000d", i) }))
	})
	s.add("ZIP of short names", func() []byte { return zipOf(entriesOf(listSize/56, func(i int) string { return fmt.Sprint("A", i) })) })
	s.add("ZIP of ways through folders", func() []byte {
		return zipOf(entriesOf(listSize/60_100, func(i int) string { return fmt.Sprintf("%d/", i) + strings.Repeat("a/../", 12_000) }))
	})
	s.add("ZIP of slashes", func() []byte {
		return zipOf(entriesOf(listSize/60_100, func(i int) string { return fmt.Sprint(i) + strings.Repeat(`\/`, 30_000) }))
	})
	s.quick("ZIP whose parts are one", func() []byte { return overlapped(filled(sheetHead, strings.Repeat(" ", 1000), sheetTail, partSize)) })
	s.add("ZIP of empty stored blocks", func() []byte { return stream(bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, (listSize-2000)/5)) })
	s.add("ZIP of empty fixed blocks", func() []byte {
		return stream(bytes.Repeat([]byte{0b0000_0010, 0b0000_1000, 0b0010_0000, 0b1000_0000, 0}, (listSize-2000)/5))
	})
	s.quick("ZIP of empty dynamic blocks", func() []byte { return stream(dynamic(listSize - 2000)) })
	s.add("ZIP with a wrong size", func() []byte {
		return patched(workbook(contents{listPart: filled(sheetHead, " ", sheetTail, partSize)}), 24, []byte{1, 0, 0, 0})
	})
	s.add("ZIP with an encrypted part", func() []byte { return patched(workbook(contents{}), 8, []byte{1, 0}) })
	s.add("ZIP with an unknown method", func() []byte { return patched(workbook(contents{}), 10, []byte{12, 0}) })
	s.add("ZIP cut off", func() []byte {
		b := workbook(contents{listPart: filled(sheetHead, "<a b='1'/>", sheetTail, partSize)})
		return b[:len(b)/2]
	})
	s.add("ZIP inside a ZIP", func() []byte {
		b := workbook(contents{listPart: filled(sheetHead, " ", sheetTail, partSize)})
		return workbook(contents{listPart: b})
	})
	s.add("ZIP of its beginning alone", func() []byte { return append([]byte("PK\x03\x04"), make([]byte, listSize-4)...) })
	s.add("ZIP of ends of directories", func() []byte {
		return filled("PK\x03\x04", "PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff", "", listSize)
	})
}

// values adds workbooks whose values cost much.
func (s *fileList) values() {
	pieces := "<sst><si>" + strings.Repeat("<r><t>"+strings.Repeat("x", 20)+"</t></r>", 100) + "</si></sst>"
	many := strings.Repeat("<row>"+strings.Repeat(`<c t="s"><v>0</v></c>`, 60)+"</row>", 19_000)
	s.quick("a shared text in pieces, used everywhere", func() []byte {
		return workbook(contents{textPart: []byte(pieces), listPart: []byte(sheetHead + headings + many + sheetTail)})
	})
	s.add("a long shared text, used everywhere", func() []byte {
		return workbook(contents{textPart: []byte("<sst><si><t>" + strings.Repeat("x", 32_000) + "</t></si></sst>"), listPart: []byte(sheetHead + headings + many + sheetTail)})
	})
	s.add("shared text of blanks, used everywhere", func() []byte {
		return workbook(contents{textPart: []byte("<sst><si><t>" + strings.Repeat("\u200b", 20_000) + "</t></si></sst>"), listPart: []byte(sheetHead + headings + many + sheetTail)})
	})
	s.add("texts of 1,000 characters", func() []byte {
		return sheet([]byte(strings.Repeat("<row>"+strings.Repeat("<c><v>"+strings.Repeat("x", 1000)+"</v></c>", 2)+"</row>", 19_000)), sheetTail)
	})
	s.add("texts of 1,000 letters of four bytes", func() []byte {
		return sheet([]byte(strings.Repeat("<row>"+strings.Repeat("<c><v>"+strings.Repeat("😀", 1000)+"</v></c>", 2)+"</row>", 7_000)), sheetTail)
	})
	s.piece(false, "shared formulas", `<row><c><f t="shared" ref="A1:XFD1048576" si="0">SUM(A1:XFD1048576)</f></c></row>`, 8<<20)
	s.piece(false, "formulas of 8 kB", `<row><c><f>`+strings.Repeat("A1+", 2700)+`A1</f></c></row>`, partSize)
	s.piece(false, "numbers of shared texts out of range", `<row><c t="s"><v>99999999999999999999</v></c></row>`, 8<<20)
	s.piece(false, "numbers of 1,000 digits", `<row><c><v>`+strings.Repeat("9", 1000)+`</v></c></row>`, 18<<20)
	s.piece(false, "numbers with 900 decimals", `<row><c><v>1.`+strings.Repeat("9", 900)+`</v></c></row>`, 18<<20)
}

// entriesOf makes the central directory of many empty entries.
func entriesOf(n int, name func(int) string) (directory []byte, count int) {
	var b bytes.Buffer
	for i := range n {
		text := name(i)
		head := make([]byte, 46)
		copy(head, "PK\x01\x02")
		binary.LittleEndian.PutUint16(head[28:], uint16(len(text)))
		b.Write(head)
		b.WriteString(text)
	}
	return b.Bytes(), n
}

// zipOf writes a directory behind the beginning of a file.
func zipOf(directory []byte, count int) []byte {
	local := make([]byte, 30)
	copy(local, "PK\x03\x04")
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], uint16(count))
	binary.LittleEndian.PutUint16(end[10:], uint16(count))
	binary.LittleEndian.PutUint32(end[12:], uint32(len(directory)))
	binary.LittleEndian.PutUint32(end[16:], uint32(len(local)))
	return bytes.Join([][]byte{local, directory, end}, nil)
}

// overlapped makes a workbook all of whose parts are the same bytes of the file.
func overlapped(content []byte) []byte {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	if _, err := w.Write(content); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return sameBytes(packed.Bytes(), uint32(len(content)), crc32.ChecksumIEEE(content))
}

// stream makes a workbook whose parts are one stream of the format Deflate that gives nothing.
func stream(blocks []byte) []byte {
	return sameBytes(append(blocks, 1, 0, 0, 0xff, 0xff), 0, 0)
}

func sameBytes(packed []byte, size, sum uint32) []byte {
	var b bytes.Buffer
	local := make([]byte, 30)
	copy(local, "PK\x03\x04")
	local[8] = 8
	b.Write(local)
	b.Write(packed)
	start, count := b.Len(), 0
	for _, name := range []string{topRels, bookPart, bookRels, textPart, listPart} {
		head := make([]byte, 46)
		copy(head, "PK\x01\x02")
		head[10] = 8
		binary.LittleEndian.PutUint32(head[16:], sum)
		binary.LittleEndian.PutUint32(head[20:], uint32(len(packed)))
		binary.LittleEndian.PutUint32(head[24:], size)
		binary.LittleEndian.PutUint16(head[28:], uint16(len(name)))
		b.Write(head)
		b.WriteString(name)
		count++
	}
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], uint16(count))
	binary.LittleEndian.PutUint16(end[10:], uint16(count))
	binary.LittleEndian.PutUint32(end[12:], uint32(b.Len()-start))
	binary.LittleEndian.PutUint32(end[16:], uint32(start))
	b.Write(end)
	return b.Bytes()
}

// dynamic writes blocks of Deflate that have tables of Huffman codes and no data: building the tables is all the work.
func dynamic(size int) []byte {
	var w bits
	for len(w.out) < size {
		w.put(0, 1) // not the last block
		w.put(2, 2) // with its own tables
		w.put(0, 5) // 257 codes of literals
		w.put(0, 5) // 1 code of distances
		w.put(14, 4)
		// Lengths of the codes of lengths, in the order 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1: codes for 18 and 1, of one bit each.
		for _, n := range []int{0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1} {
			w.put(n, 3)
		}
		// 1 is the code 0, and 18 the code 1: 256 lengths of zero, then a length of 1 for the end of the block and for the one distance.
		w.put(1, 1)
		w.put(138-11, 7)
		w.put(1, 1)
		w.put(118-11, 7)
		w.put(0, 1)
		w.put(0, 1)
		w.put(0, 1) // the end of the block
	}
	for w.held != 0 {
		w.put(0, 1)
	}
	return w.out
}

// bits writes bits, the lowest first.
type bits struct {
	out  []byte
	now  byte
	held int
}

func (w *bits) put(value, n int) {
	for i := range n {
		w.now |= byte(value>>i&1) << w.held
		if w.held++; w.held == 8 {
			w.out, w.now, w.held = append(w.out, w.now), 0, 0
		}
	}
}

// patched overwrites bytes of every entry in the directory of a ZIP file.
func patched(file []byte, at int, with []byte) []byte {
	for i := 0; i+46 < len(file); i++ {
		if bytes.HasPrefix(file[i:], []byte("PK\x01\x02")) {
			copy(file[i+at:], with)
		}
	}
	return file
}
