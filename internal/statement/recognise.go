package statement

// Which format a file has, as its beginning shows it.

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
)

// Formats returns the formats that can be read.
func Formats() []Format { return []Format{MPesa, Camt, Swift} }

// Known reports whether files of the format can be read.
func (f Format) Known() bool { return slices.Contains(Formats(), f) }

// Title is the name of a format as people know it.
func (f Format) Title() string {
	switch f {
	case MPesa:
		return "M-Pesa CSV"
	case Camt:
		return "CAMT.053"
	case Swift:
		return "MT940"
	}
	return string(f)
}

// Limits of what is looked at to recognise a file.
const (
	headLines    = 50 // in which the first field of MT940 stands, or the headings of M-Pesa
	headElements = 20 // elements of XML
)

// Recognise finds out the format of a file from its beginning. If the file certainly has another format, Recognise returns the name of that,
// such as "XLSX", and [Format.Known] is false. A text in no format that it knows is taken for M-Pesa's.
func Recognise(file []byte) Format {
	if name := binaryFormat(file); name != "" {
		return name
	}
	head, _ := decoded(bytes.NewReader(file)).Peek(headBytes)
	text := trimNoise(string(head))
	switch upper := strings.ToUpper(text[:min(len(text), 40)]); {
	case strings.HasPrefix(upper, "OFXHEADER"):
		return "OFX"
	case strings.HasPrefix(upper, "!TYPE:"):
		return "QIF"
	case strings.HasPrefix(upper, "{\\RTF"):
		return "RTF"
	case isJSON(text):
		return "JSON"
	case strings.HasPrefix(text, "<"):
		return xmlFormat(text)
	}
	if f := swiftFormat(head); f != "" {
		return f
	}
	return MPesa
}

// binaryFormat names the format of a file that is no text. It returns nothing for any other file.
func binaryFormat(file []byte) Format {
	switch head := file[:min(len(file), headBytes)]; {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) && bytes.Contains(head, []byte("opendocument.spreadsheet")):
		return "ODS"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) && (bytes.Contains(head, []byte("[Content_Types].xml")) || bytes.Contains(head, []byte("xl/"))):
		return "XLSX"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "ZIP"
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return "XLS"
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "GZIP"
	case bytes.HasPrefix(head, []byte("%PDF")):
		return "PDF"
	case bytes.HasPrefix(head, []byte("\x89PNG")):
		return "PNG"
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return "JPEG"
	}
	return ""
}

// isJSON reports whether a text begins as an object or a list of JSON does. Messages of SWIFT begin with a brace too.
func isJSON(text string) bool {
	inner := strings.TrimLeft(strings.TrimLeft(text, "{["), " \t\r\n")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[') && len(inner) > 0 && (inner[0] == '"' || inner[0] == '{')
}

// xmlFormats are elements of XML that say what a document is.
var xmlFormats = map[string]Format{
	"BkToCstmrStmt":         Camt,
	"BkToCstmrAcctRpt":      "CAMT.052",
	"BkToCstmrDbtCdtNtfctn": "CAMT.054",
	"CstmrCdtTrfInitn":      "pain.001",
	"CstmrPmtStsRpt":        "pain.002",
	"CstmrDrctDbtInitn":     "pain.008",
	"OFX":                   "OFX",
	"html":                  "HTML",
	"HTML":                  "HTML",
}

// xmlFormat finds out what an XML document is from its first elements. Of a document that does not say it, the reader of CAMT.053 says what it
// misses.
func xmlFormat(text string) Format {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	d.CharsetReader = charset
	for elements := 0; elements < headElements; {
		t, err := d.Token()
		if err != nil {
			return Camt
		}
		if e, ok := t.(xml.StartElement); ok {
			elements++
			if f, says := xmlFormats[e.Name.Local]; says {
				return f
			}
		}
	}
	return Camt
}

// swiftFormat recognises messages of SWIFT: MT940 by its first field or the header before it, and MT942, which has movements of a day that is
// not over and no balances. It returns nothing for any other file.
func swiftFormat(head []byte) Format {
	lines := bufio.NewScanner(bytes.NewReader(head))
	lines.Buffer(nil, headBytes+1)
	lines.Split(splitLines(lineEnd(head)))
	found := Format("")
	for n := 0; lines.Scan() && (n < headLines || found != ""); n++ {
		header, line := cutHeader(lines.Text(), false)
		if strings.Contains(header, "{2:I942") || strings.Contains(header, "{2:O942") {
			return "MT942"
		}
		if strings.HasPrefix(header, "{1:") {
			found = Swift
		}
		switch tag, _, _ := cutTag(line); tag {
		case "60F", "60M":
			return Swift // an opening balance: MT942 has none
		case "34F":
			return "MT942"
		case "20", "25", "28C", "61", "62F", "62M":
			found = Swift
		}
	}
	return found
}
