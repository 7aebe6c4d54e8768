// Package hostile makes files that are meant to cost a server as much memory and processor time as their size allows, and measures what
// reading one costs. Tests of every decoder of uploaded files use it.
package hostile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Kind says which decoder a file is for.
type Kind string

// Kinds of files.
const (
	Workbook Kind = "workbook" // XLSX
	CSV      Kind = "csv"      // a list for an import
	Camt     Kind = "camt053"
	Swift    Kind = "mt940"
	MPesa    Kind = "mpesa"
	PDU      Kind = "pdu" // frames of a GSM modem in hexadecimal, one a line
)

// File is one hostile file.
type File struct {
	Kind Kind
	Name string
	Make func() []byte
	// Quick says that the ordinary check reads the file too: it stands for a kind of attack.
	Quick bool
}

// Files lists all hostile files.
func Files() []File {
	var out []File
	for _, list := range [][]File{workbooks(), lists(), camts(), swifts(), mpesas(), frames()} {
		out = append(out, list...)
	}
	return out
}

// Of lists the files of some kinds. Unless all is true, it leaves out those that are not quick.
func Of(all bool, kinds ...Kind) []File {
	var out []File
	for _, f := range Files() {
		for _, k := range kinds {
			if f.Kind == k && (all || f.Quick) {
				out = append(out, f)
			}
		}
	}
	return out
}

// fileList collects files of one kind.
type fileList struct {
	kind Kind
	all  []File
}

// add adds a file that only the long check reads.
func (s *fileList) add(name string, build func() []byte) {
	s.all = append(s.all, File{Kind: s.kind, Name: name, Make: build})
}

// quick adds a file that the ordinary check reads too.
func (s *fileList) quick(name string, build func() []byte) {
	s.all = append(s.all, File{Kind: s.kind, Name: name, Make: build, Quick: true})
}

// text adds a file that is a head, a piece repeated until the file has some bytes, and a tail.
func (s *fileList) text(name, head, piece, tail string, size int) {
	s.add(name, func() []byte { return filled(head, piece, tail, size) })
}

// filled repeats a piece between a head and a tail, until the whole has at most some bytes.
func filled(head, piece, tail string, size int) []byte {
	times := max(0, size-len(head)-len(tail)) / len(piece)
	var b bytes.Buffer
	b.Grow(size)
	b.WriteString(head)
	for range times {
		b.WriteString(piece)
	}
	b.WriteString(tail)
	return b.Bytes()
}

// numbered writes a piece with the numbers from 0, each in the places of %[1]d, until the text has some bytes.
func numbered(head, piece, tail string, size int) []byte {
	var b bytes.Buffer
	b.Grow(size + len(piece))
	b.WriteString(head)
	for n := 0; b.Len() < size-len(tail)-2*len(piece); n++ {
		fmt.Fprintf(&b, piece, n)
	}
	b.WriteString(tail)
	return b.Bytes()
}

// nested opens an element inside itself as often as fits, and closes it again.
func nested(head, open, end, tail string, size int) []byte {
	times := (size - len(head) - len(tail)) / (len(open) + len(end))
	return []byte(head + strings.Repeat(open, times) + strings.Repeat(end, times) + tail)
}

// wide writes a text in UTF-16 with a mark.
func wide(text string) []byte {
	out := make([]byte, 0, 2+2*len(text))
	out = append(out, 0xff, 0xfe)
	for _, letter := range text {
		if letter < 0x10000 {
			out = append(out, byte(letter), byte(letter>>8))
			continue
		}
		first, second := utf16.EncodeRune(letter)
		out = append(out, byte(first), byte(first>>8), byte(second), byte(second>>8))
	}
	return out
}

// JSON lists bodies of JSON of some bytes that are meant to cost much.
func JSON(size int) map[string][]byte {
	return map[string][]byte{
		"lists inside lists":     nested("", "[", "]", "", size),
		"objects inside objects": []byte(strings.Repeat(`{"a":`, size/6) + "1" + strings.Repeat("}", size/6)),
		"lists that stay open":   bytes.Repeat([]byte("["), size),
		"a list of zeros":        filled("[", "0,", "0]", size),
		"a list of empty lists":  filled("[", "[],", "0]", size),
		"an object of names":     numbered("{", `"n%[1]d":0,`, `"z":0}`, size),
		"a name again and again": filled("{", `"a":0,`, `"a":0}`, size),
		"one number":             filled(`{"a":`, "9", "}", size),
		"one number of decimals": filled(`{"a":0.`, "9", "}", size),
		"one exponent":           filled(`{"a":1e`, "9", "}", size),
		"large exponents":        filled("[", "1e308,", "0]", size),
		"exponents beyond all":   filled("[", "1e-999999999,", "0]", size),
		"one text":               filled(`{"a":"`, "x", `"}`, size),
		"one text of escapes":    filled(`{"a":"`, `\u00e9`, `"}`, size),
		"one text of halves":     filled(`{"a":"`, `\ud800`, `"}`, size),
		"one name":               filled(`{"`, "x", `":0}`, size),
		"blanks":                 filled("{", " ", "}", size),
		"zero bytes":             make([]byte, size),
		"bytes that are no text": bytes.Repeat([]byte{0xff}, size),
	}
}

// TOML lists settings of some bytes that are meant to cost much.
func TOML(size int) map[string][]byte {
	return map[string][]byte{
		"lists inside lists":   nested("a = ", "[", "]", "", size),
		"lists that stay open": filled("a = ", "[", "", size),
		"tables inside tables": []byte("a = " + strings.Repeat("{a=", size/5) + "1" + strings.Repeat("}", size/5)),
		"a long path":          filled("[a", ".a", "]", size),
		"long paths":           filled("", "[a"+strings.Repeat(".a", 200)+"]\n", "", size),
		"lists of tables":      filled("", "[[a]]\n", "", size),
		"tables of their own":  numbered("", "[a%[1]d]\n", "", size),
		"keys of their own":    numbered("", "a%[1]d=1\n", "", size),
		"keys in long paths":   numbered("", "a%[1]d"+strings.Repeat(".b", 100)+"=1\n", "", size),
		"one number":           filled("a = ", "9", "\n", size),
		"one text":             filled(`a = "`, "x", "\"\n", size),
		"comments":             filled("", "#\n", "", size),
		"zero bytes":           make([]byte, size),
	}
}

// CBOR lists payloads of CBOR of some bytes that are meant to cost much.
func CBOR(size int) map[string][]byte {
	return map[string][]byte{
		"lists inside lists":                   bytes.Repeat([]byte{0x81}, size),
		"maps inside maps":                     bytes.Repeat([]byte{0xa1, 0x61, 'a'}, size/3),
		"tags inside tags":                     bytes.Repeat([]byte{0xc1}, size),
		"a list that claims 2⁶⁴ entries":       append([]byte{0x9b}, bytes.Repeat([]byte{0xff}, size-1)...),
		"a text that claims 2⁶³ bytes":         append([]byte{0x7b, 0x7f}, bytes.Repeat([]byte{0xff}, size-2)...),
		"a map that claims 2³² entries":        append([]byte{0xba, 0xff, 0xff, 0xff, 0xff}, make([]byte, size-5)...),
		"texts without an end":                 bytes.Repeat([]byte{0x7f}, size),
		"an honest length of a list of zeros":  append([]byte{0x99, byte(size >> 8), byte(size)}, make([]byte, size&0xffff)...),
		"a list of lists that claim much each": append([]byte{0x99, 0xff, 0xff}, bytes.Repeat([]byte{0x9a, 0xff, 0xff, 0xff, 0xff}, size/5)...),
		"zero bytes":                           make([]byte, size),
	}
}
