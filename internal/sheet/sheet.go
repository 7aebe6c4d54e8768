// Package sheet reads the files in which people keep lists: CSV as spreadsheets write it, and XLSX. It knows what spreadsheets do to such files
// and either understands it or says what is wrong. Start at [Read].
package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Limits of a file.
const (
	MaxBytes   = 8 << 20
	MaxRows    = 20_000
	MaxColumns = 100
	maxCell    = 1000 // characters
)

// Table is a list with named columns.
type Table struct {
	Header []string
	Rows   []Row
	// Old is the first value with letters that were read as Windows-1252, so that somebody can check whether they are right. It is empty if
	// the file says what its letters are.
	Old string
}

// Row is one row of a table. Its cells have no blanks around them, and there are as many as the header has.
type Row struct {
	Line  int // in the file, from 1; in a workbook, the number of the row
	Cells []string
	Wide  bool // the row had more cells than the header, so its values may be in the wrong columns
	// Merged says that a cell of the row is merged with another row, so that a value may be missing here or belong to several rows.
	Merged bool
}

// Read reads a file. Empty rows are left out. It reads the first sheet of a workbook.
func Read(file []byte) (Table, refusal.Refusal) {
	switch {
	case len(bytes.TrimSpace(file)) == 0:
		return Table{}, refuse.SheetEmpty()
	case len(file) > MaxBytes:
		return Table{}, refuse.SheetTooLarge(MaxBytes >> 20)
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return readWorkbook(file)
	case bytes.HasPrefix(file, []byte("\xd0\xcf\x11\xe0")):
		return Table{}, refuse.SheetOldWorkbook()
	}
	text, old, no := decode(file)
	if no.Refused() {
		return Table{}, no
	}
	t, no := readCSV(text)
	if old && !no.Refused() {
		t.Old = t.firstForeign()
	}
	return t, no
}

// readCSV reads CSV with commas, semicolons, tabs or vertical bars between the columns.
func readCSV(text string) (Table, refusal.Refusal) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	separator, skipped := ',', 0
	first, rest, _ := strings.Cut(text, "\n")
	if mark, ok := strings.CutPrefix(strings.TrimSpace(first), "sep="); ok && len(mark) == 1 { // what Excel writes and reads
		separator, text, skipped = rune(mark[0]), rest, 1
	} else {
		separator = separatorOf(text)
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = separator, -1, false
	var rows []Row
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			return Table{}, refuse.SheetQuotes(strconv.Itoa(wrong.StartLine + skipped))
		}
		if err != nil {
			return Table{}, refuse.SheetNotText()
		}
		line, _ := r.FieldPos(0)
		if rows = append(rows, Row{Line: line + skipped, Cells: cells}); len(rows) > MaxRows+1 {
			return Table{}, refuse.SheetTooManyRows(MaxRows)
		}
	}
	return tableOf(rows)
}

// separatorOf returns the separator that the first line with text has most often, outside quotes.
func separatorOf(text string) rune {
	best, most := ',', 0
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		for _, c := range []rune{',', ';', '\t', '|'} {
			n, quoted := 0, false
			for _, r := range line {
				if r == '"' {
					quoted = !quoted
				} else if r == c && !quoted {
					n++
				}
			}
			if n > most {
				best, most = c, n
			}
		}
		break
	}
	return best
}

// tableOf takes the first row with text as the header and fits every other row to it.
func tableOf(rows []Row) (Table, refusal.Refusal) {
	for i := range rows {
		for j := range rows[i].Cells {
			rows[i].Cells[j] = strings.TrimFunc(rows[i].Cells[j], blank)
			if utf8.RuneCountInString(rows[i].Cells[j]) > maxCell {
				return Table{}, refuse.SheetCellTooLong(strconv.Itoa(rows[i].Line), maxCell)
			}
		}
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return strings.Join(r.Cells, "") == "" })
	if len(rows) == 0 {
		return Table{}, refuse.SheetEmpty()
	}
	t := Table{Header: rows[0].Cells, Rows: rows[1:]}
	for len(t.Header) > 0 && t.Header[len(t.Header)-1] == "" { // empty columns at the end
		t.Header = t.Header[:len(t.Header)-1]
	}
	switch {
	case len(t.Rows) == 0:
		return Table{}, refuse.SheetNoRows()
	case len(t.Rows) > MaxRows:
		return Table{}, refuse.SheetTooManyRows(MaxRows)
	case len(t.Header) > MaxColumns:
		return Table{}, refuse.SheetTooManyColumns(MaxColumns)
	}
	for i, name := range t.Header {
		if name != "" && slices.IndexFunc(t.Header, func(s string) bool { return strings.EqualFold(s, name) }) < i {
			return Table{}, refuse.SheetColumnTwice(refusal.Echo(name))
		}
	}
	for i := range t.Rows {
		fit(&t.Rows[i], len(t.Header))
	}
	return t, refusal.Refusal{}
}

// fit gives a row as many cells as the header has.
func fit(r *Row, columns int) {
	for len(r.Cells) < columns {
		r.Cells = append(r.Cells, "")
	}
	r.Wide = strings.Join(r.Cells[columns:], "") != ""
	r.Cells = r.Cells[:columns]
}

// blank reports whether a character around a value means nothing: blanks of all kinds, and marks without width.
func blank(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\u00a0', '\u2007', '\u202f', '\u200b', '\ufeff', '\u200e', '\u200f', '\u061c':
		return true
	}
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' // marks of direction
}
