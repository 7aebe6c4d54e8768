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

	"github.com/paywatt/paywatt/internal/bounded"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Limits of a file.
const (
	MaxBytes   = 8 << 20
	MaxRows    = 20_000
	MaxColumns = 100
	maxCell    = 1000    // characters
	maxText    = 8 << 20 // bytes of all values: a workbook packs them, and values that cells share stand in it once
)

// Table is a list with named columns.
type Table struct {
	Header []string
	Rows   []Row
	Book   Book
	// Old is the first value with letters that were read as Windows-1252, so that somebody can check whether they are right. It is empty if
	// the file says what its letters are.
	Old string
}

// Book says which sheet of a workbook was read, and what whoever opens the workbook does not see. It is empty for a file that is no workbook.
type Book struct {
	Sheet  string   // the name of the sheet that was read
	Sheets []Sheet  // all, in the order of their tabs
	Others []string // visible sheets that were not read because another one was named. Without a name the others are empty
	// IsHidden says that the sheet that was read is hidden. HiddenRows are the numbers of its hidden rows with values, and HiddenColumns its
	// hidden columns with values, from 0. They are in the table like all others. Filters hide rows too.
	IsHidden      bool
	HiddenRows    []int
	HiddenColumns []int
}

// HiddenSheets lists the hidden sheets that were not read.
func (b Book) HiddenSheets() (names []string) {
	for _, s := range b.Sheets {
		if s.IsHidden && s.Name != b.Sheet {
			names = append(names, s.Name)
		}
	}
	return names
}

// maxSpans is how many spans of rows [Spans] writes.
const maxSpans = 20

// Spans writes the numbers of rows in short: 4, 7–9. It leaves out those behind many spans.
func Spans(rows []int) string {
	var out []string
	for i := 0; i < len(rows); {
		if len(out) == maxSpans {
			out = append(out, "…")
			break
		}
		end := i + 1
		for end < len(rows) && rows[end] == rows[end-1]+1 {
			end++
		}
		span := strconv.Itoa(rows[i])
		if end-i > 1 {
			span += "–" + strconv.Itoa(rows[end-1])
		}
		out = append(out, span)
		i = end
	}
	return strings.Join(out, ", ")
}

// Sheet is a sheet of a workbook. A sheet of a chart is none.
type Sheet struct {
	Name     string
	IsHidden bool // whoever opens the workbook does not see it
}

// Row is one row of a table. Its cells have no blanks around them, and there are as many as the header has.
type Row struct {
	Line  int // in the file, from 1; in a workbook, the number of the row
	Cells []string
	Wide  bool // the row had more cells than the header, so its values may be in the wrong columns
	// Merged says that a cell of the row is merged with another row, so that a value may be missing here or belong to several rows.
	Merged bool
}

// Read reads a file. Empty rows are left out. A workbook must have only one visible sheet with values.
func Read(file []byte) (Table, refusal.Refusal) { return ReadSheet(file, "") }

// ReadSheet reads a file as Read does. With a name, it reads the sheet of that name; capitals do not count in it. The table has the sheets of a
// workbook even if the file is refused.
func ReadSheet(file []byte, name string) (Table, refusal.Refusal) {
	switch {
	case len(bytes.TrimSpace(file)) == 0:
		return Table{}, refuse.SheetEmpty()
	case len(file) > MaxBytes:
		return Table{}, refuse.SheetTooLarge(MaxBytes >> 20)
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return readWorkbook(file, name)
	case bytes.HasPrefix(file, []byte("\xd0\xcf\x11\xe0")):
		return Table{}, refuse.SheetOldWorkbook()
	case name != "":
		return Table{}, refuse.SheetOfList(refusal.Echo(name))
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
	return readRecords(text, separator, skipped)
}

// maxRecord is how many bytes a line of CSV has at most, with the lines that its quoted values go on in: [MaxColumns] values of the greatest
// length are shorter.
const maxRecord = 512 << 10

// readRecords reads CSV with a separator. Some lines were skipped before it.
func readRecords(text string, separator rune, skipped int) (Table, refusal.Refusal) {
	limited := bounded.NewRecords(strings.NewReader(text), maxRecord)
	r := csv.NewReader(limited)
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = separator, -1, true
	rows, last := &collector{}, 0
	for records := 0; ; records++ {
		limited.Next()
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows.table()
		}
		if wrong := (*csv.ParseError)(nil); errors.As(err, &wrong) {
			return Table{}, refuse.SheetQuotes(strconv.Itoa(wrong.StartLine + skipped))
		}
		if beyond := (*bounded.TooMuch)(nil); errors.As(err, &beyond) {
			return Table{}, refuse.SheetLineTooLong(strconv.Itoa(last+1+skipped), maxRecord>>10)
		}
		if err != nil {
			return Table{}, refuse.SheetNotText()
		}
		if records > MaxRows {
			return Table{}, refuse.SheetTooManyRows(MaxRows)
		}
		line, _ := r.FieldPos(0)
		last, _ = r.FieldPos(len(cells) - 1)
		for i, value := range cells {
			text, tooLong := clean(value)
			if tooLong {
				return Table{}, refuse.SheetCellTooLong(strconv.Itoa(line+skipped), maxCell)
			}
			cells[i] = text
		}
		if no := rows.add(line+skipped, cells); no.Refused() {
			return Table{}, no
		}
	}
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

// collector makes a table of the rows of a file. It takes the first row with text as the header and fits every other row to it at once, so that
// a file of many columns costs no more memory than one of few.
type collector struct {
	header []string
	rows   []Row
	text   int // bytes of the values
}

// add takes a row of values as clean returns them. The caller may use the cells again. A row without text is left out.
func (c *collector) add(line int, cells []string) refusal.Refusal {
	filled := 0 // columns up to the last one with text
	for i, value := range cells {
		if value != "" {
			filled = i + 1
		}
		c.text += len(value)
	}
	switch {
	case filled == 0:
		return refusal.Refusal{}
	case c.text > maxText:
		return refuse.SheetTextTooLong(maxText >> 20)
	case c.header == nil:
		return c.begin(cells[:filled])
	case len(c.rows) >= MaxRows:
		return refuse.SheetTooManyRows(MaxRows)
	}
	row := Row{Line: line, Cells: make([]string, len(c.header)), Wide: filled > len(c.header)}
	copy(row.Cells, cells[:filled])
	c.rows = append(c.rows, row)
	return refusal.Refusal{}
}

// clean removes the blanks around a value. It reports whether the value has too many characters.
func clean(value string) (text string, tooLong bool) {
	text = strings.TrimFunc(value, blank)
	return text, len(text) > maxCell && utf8.RuneCountInString(text) > maxCell
}

// begin takes the header.
func (c *collector) begin(names []string) refusal.Refusal {
	if len(names) > MaxColumns {
		return refuse.SheetTooManyColumns(MaxColumns)
	}
	for i, name := range names {
		if name != "" && slices.IndexFunc(names, func(s string) bool { return strings.EqualFold(s, name) }) < i {
			return refuse.SheetColumnTwice(refusal.Echo(name))
		}
	}
	c.header = slices.Clone(names)
	return refusal.Refusal{}
}

// countFilled returns how many rows with values were added, with the header.
func (c *collector) countFilled() int {
	if c.header == nil {
		return 0
	}
	return 1 + len(c.rows)
}

// table returns the table when all rows were added.
func (c *collector) table() (Table, refusal.Refusal) {
	switch {
	case c.header == nil:
		return Table{}, refuse.SheetEmpty()
	case len(c.rows) == 0:
		return Table{}, refuse.SheetNoRows()
	}
	return Table{Header: c.header, Rows: c.rows}, refusal.Refusal{}
}

// blank reports whether a character around a value means nothing: blanks of all kinds, and marks without width.
func blank(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\u00a0', '\u2007', '\u202f', '\u200b', '\ufeff', '\u200e', '\u200f', '\u061c':
		return true
	}
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' // marks of direction
}
