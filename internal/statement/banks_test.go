package statement_test

// Files as banks write them: what stands around the fields of MT940, and the bytes that carry them. The data is invented.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/paywatt/paywatt/internal/statement"
)

// fields are the fields of one message, with two payments and a fee. Other tests put what banks write around them.
const fields = ":20:ST261120\n:25:KE7100123456\n:28C:15/1\n:60F:C261119KES1000,00\n" +
	":61:2611201120C500,00NTRFNONREF//B1\n:86:?20METER ?21 04140001001?32AMINA\n" +
	":61:2611201120C700,00NTRFNONREF//B2\n:86:?20METER ?21 04140002001?32BARAKA\n" +
	":61:2611201120D5,50NCHGNONREF//B3\n:62F:C261120KES2194,50\n"

// wantOfFields are the rows of [fields].
const wantOfFields = "B1 payment 50000 METER 04140001001|AMINA\nB2 payment 70000 METER 04140002001|BARAKA\nB3 fee -550 |\n"

// rowsText shows the rows of a file, one a line.
func rowsText(rows []statement.Row) string {
	var out strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&out, "%s %s %d %s|%s\n", r.Txn, r.Kind, r.Amount, r.Reference, r.Payer)
	}
	return out.String()
}

// wide writes a text as UTF-16.
func wide(text string, order binary.ByteOrder, mark bool) string {
	if mark {
		text = "\ufeff" + text
	}
	var out bytes.Buffer
	for _, unit := range utf16.Encode([]rune(text)) {
		_ = binary.Write(&out, order, unit)
	}
	return out.String()
}

// crlf writes the line ends that most banks use.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// bankFiles are files with the rows of [fields], in the shapes that banks send.
func bankFiles() map[string]string {
	const swiftHead = "{1:F01POFICHBEAXXX0000000000}{2:I940XXXXXXXXXXXXN}{3:{108:261120CH00000000}}{4:\n"
	return map[string]string{
		"bare":                              fields + "-\n",
		"ABN AMRO":                          crlf("ABNANL2A\n940\nABNANL2A\n" + fields + "-\n"),
		"ING and Van Lanschot":              crlf("0000 01INGBNL2AXXXX00001\n0000 01INGBNL2AXXXX00001\n940 00\n" + fields + "-XXX\n"),
		"ING with trailing blanks":          crlf(strings.ReplaceAll("0000 01INGBNL2AXXXX00001\n940 00\n"+fields+"-XXX\n", "\n", " \n")),
		"Rabobank":                          crlf(":940:\n" + fields),
		"mBank":                             "\x01\n" + fields + "-\n\x03\n",
		"mBank, the fields after the bytes": "\x01" + fields + "-\x03",
		"PostFinance":                       crlf("\x01" + swiftHead + fields + "-}\n\x03"),
		"Danske Bank":                       crlf("Statement of account\n\nThe statement begins below the line\n- - - - - - - - - - - -\n\n" + fields + "-\n"),
		"a separator before the message":    "-\n" + fields + "-\n",
		"header on the line of the field":   "{1:F01BANKKENAXXXX0000000000}{2:O940}{4:" + fields + "-}{5:{CHK:123456789ABC}}\n",
		"RJE":                               "{1:F01BANKKENAXXXX0000000000}{2:O940}{4:\n" + fields + "-}$\n",
		"blank lines first":                 "\r\n\r\n" + fields + "-\n",
		"carriage returns only":             strings.ReplaceAll(fields+"-\n", "\n", "\r"),
		"double carriage returns":           strings.ReplaceAll(fields+"-\n", "\n", "\r\r\n"),
		"line ends of FinTS":                "@@" + strings.ReplaceAll(fields, "\n", "@@") + "-",
		"UTF-8 mark":                        "\ufeff" + fields + "-\n",
		"UTF-8 mark before each message":    "ABNANL2A\n\ufeff" + fields + "-\n",
		"UTF-16, low byte first":            wide(crlf(fields+"-\n"), binary.LittleEndian, true),
		"UTF-16, high byte first":           wide(fields+"-\n", binary.BigEndian, true),
		"UTF-16 without a mark":             wide(fields+"-\n", binary.LittleEndian, false),
		"UTF-16 without a mark, high first": wide(fields+"-\n", binary.BigEndian, false),
		"padded with zero bytes":            fields + "-\n\x00\x00\x00\x00",
		"ended with a DOS end of file":      crlf(fields) + "-\r\n\x1a",
		"form feed before the message":      "\f" + fields + "-\n\f",
		"STX and ETX around each field":     strings.ReplaceAll(strings.ReplaceAll(fields, "\n:", "\x03\n\x02:"), "B3\x03\n", "B3\x03\n") + "-\n",
		"a balance on the next line":        strings.Replace(fields, ":62F:", ":62F:\n", 1) + "-\n",
		"without the last line end":         strings.TrimSuffix(fields, "\n"),
		"a remark below the closing balance": strings.Replace(fields, "2194,50\n", "2194,50\n \n", 1) +
			":64:C261120KES2194,50\n:86:/SUM/2/1/1200,00/5,50/\n-\nEND OF FILE\n",
	}
}

func TestMT940OfEveryBankIsRecognisedAndRead(t *testing.T) {
	for name, file := range bankFiles() {
		t.Run(name, func(t *testing.T) {
			if got := statement.Recognise([]byte(file)); got != statement.Swift {
				t.Errorf("recognised as %q, want mt940", got)
			}
			rows, s := read(t, statement.Swift, []byte(file))
			if got := rowsText(rows); got != wantOfFields {
				t.Errorf("rows\n%swant\n%s", got, wantOfFields)
			}
			if s.Account != "KE7100123456" || s.Opening != 100_000 || s.Closing != 219_450 || !s.Balanced {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

// TestSeveralMessagesInAFile reads what banks write between two messages.
func TestSeveralMessagesInAFile(t *testing.T) {
	next := strings.NewReplacer("C261119KES1000,00", "C261120KES2194,50", "B1", "C1", "B2", "C2", "B3", "C3", "KES2194,50\n", "KES3389,00\n").Replace(fields)
	next = strings.Replace(next, ":60F:C261120KES3389,00", ":60F:C261120KES2194,50", 1)
	for name, file := range map[string]string{
		"ABN AMRO":                             crlf("ABNANL2A\n940\nABNANL2A\n" + fields + "-\nABNANL2A\n940\nABNANL2A\n" + next + "-\n"),
		"ING":                                  crlf("0000 01INGBNL2AXXXX00001\n940 00\n" + fields + "-XXX\n0000 01INGBNL2AXXXX00002\n940 00\n" + next + "-XXX\n"),
		"mBank":                                "\x01\n" + fields + "-\n\x03\x01\n" + next + "-\n\x03",
		"PostFinance":                          "\x01{1:F01X}{2:I940X}{4:\n" + fields + "-}\n\x03\x01{1:F01X}{2:I940X}{4:\n" + next + "-}\n\x03",
		"RJE":                                  "{1:F01X}{2:O940}{4:\n" + fields + "-}{5:{CHK:1}}${1:F01X}{2:O940}{4:\n" + next + "-}{5:{CHK:1}}",
		"field after the header of the second": "{1:F01X}{2:O940}{4:" + fields + "-}{1:F01X}{2:O940}{4:" + next + "-}",
		"nothing between":                      fields + next,
	} {
		t.Run(name, func(t *testing.T) {
			rows, s := read(t, statement.Swift, []byte(file))
			if want := wantOfFields + strings.ReplaceAll(wantOfFields, "B", "C"); rowsText(rows) != strings.ReplaceAll(want, "CARAKA", "BARAKA") {
				t.Errorf("rows\n%s", rowsText(rows))
			}
			if s.Opening != 100_000 || s.Closing != 338_900 {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

// TestTextWithinAMessageIsNotSkipped: what a bank writes around messages is skipped, but never what stands between an opening and a closing
// balance, because that may be a part of a row.
func TestTextWithinAMessageIsNotSkipped(t *testing.T) {
	for name, file := range map[string]string{
		"a balance in two parts":           strings.Replace(fields, "KES2194,50", "KES2194,\n50", 1),
		"a text that begins like a header": strings.Replace(fields, ":62F:", "{4:lost", 1),
		"after a separator":                strings.Replace(fields, ":61:2611201120C700", "-\nlost text\n:61:2611201120C700", 1),
		"no field at all":                  "ABNANL2A\n940\nABNANL2A\n",
		"header only":                      "{1:F01X}{2:I940X}{4:\n-}\n",
	} {
		_, err := statement.Read(statement.Swift, strings.NewReader(file), statement.Options{Zone: nairobi()}, func(statement.Row) error { return nil })
		if wrong := (*statement.Damaged)(nil); !errors.As(err, &wrong) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}

func TestFilesOfOtherFormatsAreNamed(t *testing.T) {
	const xml = `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:`
	for _, c := range []struct{ file, want string }{
		{xml + `camt.053.001.08"><BkToCstmrStmt><GrpHdr>`, "camt053"},
		{"\ufeff\r\n " + xml + `camt.053.001.02"><!-- a remark --><BkToCstmrStmt>`, "camt053"},
		{`<Envelope><Body>` + xml[38:] + `camt.053.001.02"><BkToCstmrStmt>`, "camt053"},
		{wide(xml+`camt.053.001.08"><BkToCstmrStmt><GrpHdr>`, binary.LittleEndian, true), "camt053"},
		{`<statement><Stmt>`, "camt053"}, // read, and refused or not by what is in it
		{`<Document`, "camt053"},
		{xml + `camt.052.001.08"><BkToCstmrAcctRpt>`, "CAMT.052"},
		{xml + `camt.054.001.08"><BkToCstmrDbtCdtNtfctn>`, "CAMT.054"},
		{xml + `pain.001.001.03"><CstmrCdtTrfInitn>`, "pain.001"},
		{xml + `pain.002.001.03"><CstmrPmtStsRpt>`, "pain.002"},
		{xml + `pain.008.001.02"><CstmrDrctDbtInitn>`, "pain.008"},
		{`<!DOCTYPE html><html><head><meta charset=utf-8><title>x</title>`, "HTML"},
		{"<html>\n<body><table>", "HTML"},
		{"<HTML>\n<BODY>", "HTML"},
		{"OFXHEADER:100\r\nDATA:OFXSGML\r\n\r\n<OFX>", "OFX"},
		{`<?xml version="1.0"?><?OFX OFXHEADER="200"?><OFX><SIGNONMSGSRSV1>`, "OFX"},
		{"!Type:Bank\nD11/20/26\nT500.00\n", "QIF"},
		{"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml xl/workbook.xml", "XLSX"},
		{"PK\x03\x04\x14\x00\x00\x00mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "ODS"},
		{"PK\x03\x04\x14\x00\x00\x00\x08\x00statement.csv", "ZIP"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "XLS"},
		{"\x1f\x8b\x08\x00", "GZIP"},
		{"%PDF-1.7\n", "PDF"},
		{"{\\rtf1\\ansi", "RTF"},
		{"{\"rows\": []}", "JSON"}, {"[\n {\"id\": 1}", "JSON"},
		{"\x89PNG\r\n\x1a\n", "PNG"}, {"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG"},
		{"{1:F01BANKKENAXXXX0000000000}{2:O9421200261120BANKKENAXXXX}{4:\n:20:X\n", "MT942"},
		{":20:X\n:25:1\n:28C:1/1\n:34F:KES0,\n:13D:2611201200+0300\n:61:261120C5,NTRFNONREF\n", "MT942"},
		{":20:X\n:25:1\n:28C:1/1\n:60F:C261119KES1000,00\n:34F:KES0,\n", "mt940"},
		{":61:2611201120C500,00NTRFNONREF//B1\n", "mt940"}, // a part of a file: the reader says what is missing
		{":25:KE71\n:60F:C261119KES1000,00\n", "mt940"},
		{"{1:F01BANKKENAXXXX0000000000}", "mt940"},
		{mpesa, "mpesa"},
		{"", "mpesa"},
		{"Date;Amount\n20-11-2026;5,00\n", "mpesa"},
		{"Note:\n:20 o'clock:\n:99:no field\n:2A:no field\n:20 no field\n" + mpesa, "mpesa"},
		{strings.Repeat("a line\n", 60) + fields, "mpesa"}, // a text that has fields far below is no statement
	} {
		if got := string(statement.Recognise([]byte(c.file))); got != c.want {
			t.Errorf("%.60q is recognised as %q, want %q", c.file, got, c.want)
		}
		known := c.want == "camt053" || c.want == "mt940" || c.want == "mpesa"
		if got := statement.Format(c.want).Known(); got != known {
			t.Errorf("Known of %s is %t", c.want, got)
		}
	}
}

// TestFormatsHaveTheNamesOfTheTrade: errors and pages show these names.
func TestFormatsHaveTheNamesOfTheTrade(t *testing.T) {
	var titles []string
	for _, f := range statement.Formats() {
		titles = append(titles, string(f)+" "+f.Title())
	}
	titles = append(titles, statement.Format("XLSX").Title())
	if got := strings.Join(titles, ", "); got != "mpesa M-Pesa CSV, camt053 CAMT.053, mt940 MT940, XLSX" {
		t.Error(got)
	}
}

// TestUTF16IsReadToItsEnd: letters of two units, halves of letters, and a last byte that stands alone.
func TestUTF16IsReadToItsEnd(t *testing.T) {
	text := strings.Replace(fields, "AMINA", "AMINA 😀", 1)
	for _, c := range []struct{ name, file, payer string }{
		{"a letter of two units", wide(text, binary.LittleEndian, true), "AMINA 😀"},
		{"the other order", wide(text, binary.BigEndian, true), "AMINA 😀"},
		{"a first half alone", strings.Replace(wide(text, binary.LittleEndian, true), "\x3d\xd8\x00\xde", "\x3d\xd8x\x00", 1), "AMINA \ufffdx"},
		{"a second half alone", strings.Replace(wide(text, binary.BigEndian, true), "\xd8\x3d\xde\x00", "\xde\x00\x00x", 1), "AMINA \ufffdx"},
	} {
		rows, s := read(t, statement.Swift, []byte(c.file))
		if len(rows) != 3 || rows[0].Payer != c.payer || s.Closing != 219_450 {
			t.Errorf("%s: %d rows, payer %q", c.name, len(rows), rows[0].Payer)
		}
	}
	for name, end := range map[string]string{"a byte alone": "5", "a half alone": "\x3d\xd8"} {
		file := wide(strings.TrimSuffix(fields, "\n"), binary.LittleEndian, true) + end
		if _, err := statement.Read(statement.Swift, strings.NewReader(file), statement.Options{}, func(statement.Row) error { return nil }); err == nil {
			t.Errorf("%s at the end is not noticed", name)
		}
	}
	for _, short := range []string{"\xff\xfe", "\xfe\xff", "\ufeff", "\xff\xfe:", "a", ":\x00"} {
		if f := statement.Recognise([]byte(short)); f != statement.MPesa {
			t.Errorf("%q is recognised as %s", short, f)
		}
	}
}

// TestXMLInUTF16IsRead: the file says its encoding, and its bytes are decoded before.
func TestXMLInUTF16IsRead(t *testing.T) {
	file := right(t)[statement.Camt]
	want, _ := read(t, statement.Camt, []byte(file))
	for name, wideFile := range map[string]string{
		"low byte first":       wide(strings.Replace(file, "UTF-8", "UTF-16", 1), binary.LittleEndian, true),
		"high byte first":      wide(strings.Replace(file, "UTF-8", "utf-16BE", 1), binary.BigEndian, true),
		"only called UTF-16":   strings.Replace(file, "UTF-8", "UTF-16", 1),
		"without a mark":       wide(strings.Replace(file, "UTF-8", "UTF-16LE", 1), binary.LittleEndian, false),
		"mark of UTF-8 before": "\ufeff" + file,
	} {
		if f := statement.Recognise([]byte(wideFile)); f != statement.Camt {
			t.Errorf("%s: recognised as %s", name, f)
		}
		rows, _ := read(t, statement.Camt, []byte(wideFile))
		if rowsText(rows) != rowsText(want) {
			t.Errorf("%s: other rows", name)
		}
	}
}

// TestALongFileInUTF16 has lines that do not end where the reader's buffers end.
func TestALongFileInUTF16(t *testing.T) {
	var body strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&body, ":61:2611201120C1,00NTRFNONREF//B%d\n:86:?20METER ?21 ä04140001001?32AMINA %d\n", i, i)
	}
	file := ":20:X\n:25:KE71\n:60F:C261119KES0,00\n" + body.String() + ":62F:C261120KES3000,00\n-\n"
	want, _ := read(t, statement.Swift, []byte(file))
	got, _ := read(t, statement.Swift, []byte(wide(file, binary.LittleEndian, true)))
	if len(got) != 3000 || rowsText(got) != rowsText(want) {
		t.Errorf("%d rows, or other texts", len(got))
	}
}

// TestTextOfARowStaysAsItWas: names of rows without a reference are made of their text, so what could be read before keeps each letter.
func TestTextOfARowStaysAsItWas(t *testing.T) {
	row := func(text string) string {
		return ":20:X\n:25:KE71\n:60F:C261119KES0,00\n:61:2611201120C5,00NTRFNONREF//B1\n:86:" + text + "\n:62F:C261120KES5,00\n-\n"
	}
	for text, want := range map[string]string{
		"METER \n0414":             "METER 0414",         // a blank at the end of a line
		" METER\n 0414":            "METER 0414",         // and at its beginning
		"METER\n\x01 0414":         "METER 0414",         // a control character within the text
		"METER\x000414":            "METER 0414",         //
		"METER\n- 0414":            "METER- 0414",        // a dash and more
		"METER\n -\n0414":          "METER -0414",        // a dash behind a blank
		"METER\n{0414}":            "METER{0414}",        // a brace
		"METER\n{4:0414":           "METER0414",          // the begin of a text
		"METER\n :61:0414":         "METER :61:0414",     // a field behind a blank
		"METER\n\ufeff0414":        "METER0414",          // a mark
		"M\xc9TER 0414":            "MÉTER 0414",         // Latin-1
		"METER\n\r\n@@:0414":       "METER@@:0414",       // line ends of others
		"METER\n:8:\n:123a:\n:ab:": "METER:8::123a::ab:", // no fields
	} {
		rows, _ := read(t, statement.Swift, []byte(row(text)))
		if len(rows) != 1 || rows[0].Reference != want {
			t.Errorf("%q: %q, want %q", text, rows[0].Reference, want)
		}
	}
}
