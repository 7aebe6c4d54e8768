package sheet_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sheet"
)

// ordinary are the parts of a workbook with two rows whose texts are shared.
func ordinary() [][2]string {
	return [][2]string{
		{"_rels/.rels", topLinks},
		{"book/main.xml", `<?xml version="1.0" encoding="UTF-8"?><workbook xmlns:r="x"><sheets><sheet name="Meters" sheetId="1" r:id="s1"/></sheets></workbook>`},
		{"book/_rels/main.xml.rels", relations + `<Relationship Id="s1" Type="` + strict + `worksheet" Target="sheets/one.xml"/>` +
			`<Relationship Id="t" Type="` + strict + `sharedStrings" Target="texts.xml"/></Relationships>`},
		{"book/texts.xml", `<?xml version="1.0" encoding="UTF-8"?><sst><si><t>name</t></si><si><t>Joséphine 漢😀</t></si></sst>`},
		{"book/sheets/one.xml", `<?xml version="1.0" encoding="UTF-8"?><worksheet><sheetData><row><c t="s"><v>0</v></c></row><row><c t="s"><v>1</v></c></row></sheetData></worksheet>`},
	}
}

// changed packs the ordinary parts after a function changed each of them.
func changed(t *testing.T, change func(name, content string) (string, string), more ...[2]string) []byte {
	t.Helper()
	var parts [][2]string
	for _, p := range ordinary() {
		name, content := change(p[0], p[1])
		parts = append(parts, [2]string{name, content})
	}
	return zipped(t, append(parts, more...)...)
}

// inWide writes a text in UTF-16 with a byte order mark.
func inWide(text string, order binary.AppendByteOrder) string {
	out := order.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// TestPartsOfManyWriters: programs write the names of parts with capitals or backslashes, and their texts in UTF-16.
func TestPartsOfManyWriters(t *testing.T) {
	same := func(name, content string) (string, string) { return name, content }
	target := func(to string) func(name, content string) (string, string) {
		return func(name, content string) (string, string) {
			return name, strings.ReplaceAll(content, "sheets/one.xml", to)
		}
	}
	for name, file := range map[string][]byte{
		"as most write them":             changed(t, same),
		"names in capitals":              changed(t, func(name, content string) (string, string) { return strings.ToUpper(name), content }),
		"names with backslashes":         changed(t, func(name, content string) (string, string) { return strings.ReplaceAll(name, "/", `\`), content }),
		"names with a slash in front":    changed(t, func(name, content string) (string, string) { return "/" + name, content }),
		"folders as parts":               changed(t, same, [2]string{"book/", ""}, [2]string{`book\sheets\`, ""}),
		"a target in capitals":           changed(t, target("Sheets/ONE.xml")),
		"a target with a backslash":      changed(t, target(`sheets\one.xml`)),
		"a target of the whole file":     changed(t, target("/book/sheets/one.xml")),
		"the same with backslashes":      changed(t, target(`\book\sheets\one.xml`)),
		"a target from here":             changed(t, target("./sheets/one.xml")),
		"a target through another place": changed(t, target("../book/sheets/one.xml")),
		"texts outside the file": changed(t, func(name, content string) (string, string) {
			return name, strings.Replace(content, `<Relationship Id="s1"`, `<Relationship Id="s1" Type="`+strict+`worksheet" Target="http://x.example/" TargetMode="External"/><Relationship Id="s1"`, 1)
		}),
		"UTF-16, low byte first": changed(t, func(name, content string) (string, string) {
			return name, inWide(strings.ReplaceAll(content, "UTF-8", "UTF-16"), binary.LittleEndian)
		}),
		"UTF-16, high byte first": changed(t, func(name, content string) (string, string) {
			return name, inWide(strings.ReplaceAll(content, "UTF-8", "utf-16"), binary.BigEndian)
		}),
		"UTF-16 without its name": changed(t, func(name, content string) (string, string) {
			return name, inWide(strings.ReplaceAll(content, ` encoding="UTF-8"`, ""), binary.LittleEndian)
		}),
		"UTF-16 in one part": changed(t, func(name, content string) (string, string) {
			if name == "book/texts.xml" {
				content = inWide(strings.ReplaceAll(content, "UTF-8", "UTF-16BE"), binary.BigEndian)
			}
			return name, content
		}),
		"UTF-8 with a mark": changed(t, func(name, content string) (string, string) { return name, "\ufeff" + content }),
	} {
		table, no := sheet.Read(file)
		if no.Refused() || table.Header[0] != "name" || table.Rows[0].Cells[0] != "Joséphine 漢😀" {
			t.Errorf("%s: %v %v %s", name, table.Header, table.Rows, no.Detail())
		}
	}
}

// TestPartsThatAreRefused: two parts of one name, a way out of the file, and UTF-16 that is none.
func TestPartsThatAreRefused(t *testing.T) {
	same := func(name, content string) (string, string) { return name, content }
	inSheet := func(to func(content string) string) []byte {
		return changed(t, func(name, content string) (string, string) {
			if name == "book/sheets/one.xml" {
				content = to(content)
			}
			return name, content
		})
	}
	for name, file := range map[string][]byte{
		"a name in two sizes":       changed(t, same, [2]string{"book/sheets/ONE.xml", "<worksheet/>"}),
		"a name with both slashes":  changed(t, same, [2]string{`book\sheets\one.xml`, "<worksheet/>"}),
		"a name on another way":     changed(t, same, [2]string{"book/x/../sheets/one.xml", "<worksheet/>"}),
		"a name outside":            changed(t, same, [2]string{"../../etc/passwd", "x"}),
		"a name outside, backwards": changed(t, same, [2]string{`..\..\etc\passwd`, "x"}),
		"a target outside": changed(t, func(name, content string) (string, string) {
			return name, strings.ReplaceAll(content, "sheets/one.xml", "../../../etc/passwd")
		}),
		"a target that is no part": changed(t, func(name, content string) (string, string) {
			return name, strings.ReplaceAll(content, "sheets/one.xml", "/etc/passwd")
		}),
		"half a letter of UTF-16": inSheet(func(content string) string { return strings.TrimSuffix(inWide(content, binary.LittleEndian), "\x00") }),
		"half a pair of UTF-16": inSheet(func(content string) string {
			return strings.Replace(inWide(content, binary.LittleEndian), "s\x00", "\x00\xd8", 1)
		}),
		"UTF-8 that says UTF-16": inSheet(func(content string) string { return strings.ReplaceAll(content, "UTF-8", "UTF-16") }),
		"UTF-16 that says another": inSheet(func(content string) string {
			return inWide(strings.ReplaceAll(content, "UTF-8", "EBCDIC"), binary.LittleEndian)
		}),
		"UTF-16 without a mark": inSheet(func(content string) string { return inWide(content, binary.LittleEndian)[2:] }),
		"UTF-16 with two marks apart": inSheet(func(content string) string {
			return inWide(content, binary.LittleEndian) + inWide("x", binary.BigEndian)
		}),
	} {
		if table, no := sheet.Read(file); no.Code != refusal.ImportUnreadable || !strings.Contains(no.Detail(), "not a workbook that can be read") {
			t.Errorf("%s: %v %s", name, table.Rows, no.Detail())
		}
	}
}
