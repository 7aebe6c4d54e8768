package sheet

import (
	"cmp"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/bounded"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Limits of a workbook. A small file can unpack to very much, so what its parts unpack to is limited, and what they say. The elements are those
// of a list of [MaxRows] rows with 50 filled columns.
const (
	maxUnpacked = 64 << 20  // bytes of all parts that are read
	maxElements = 2_100_000 // of each part, and of all sheets together; a cell has two or three
	maxSheets   = 1000      // that the workbook lists
	maxName     = 500       // bytes of a sheet's name; Excel allows 31 characters
	maxShared   = 500_000   // texts that cells share
	maxDepth    = 32        // elements inside one another; cells need eight
	maxPiece    = 256 << 10 // bytes of a tag or a text; a cell of Excel has at most 32,767 characters
)

// An XLSX file is a ZIP file with parts in XML (ECMA-376 part 1, SpreadsheetML). A list of relations beside each part names the parts that it
// needs: the file its workbook, the workbook its sheets and the texts that cells share.

// limitSheets is what maxSheets limits.
const limitSheets bounded.Limit = "sheets"

var errPart = errors.New("sheet: a part of the workbook is missing or wrong")

// readWorkbook reads a sheet of an XLSX file: the values as the file stores them, without the formats of the cells. So a number is not rounded to
// what the column shows.
func readWorkbook(file []byte, name string) (Table, refusal.Refusal) {
	b, err := openBook(file)
	if err != nil {
		return Table{}, damageOf(err)
	}
	found, err := b.readSheet(name)
	if err != nil {
		found.Refusal = damageOf(err)
	}
	var t Table
	no := found.Refusal
	if !no.Refused() {
		t, no = found.rows.table()
	}
	t.Book.Sheet = found.Name
	if !no.Refused() {
		t.Book.IsHidden, t.Book.HiddenRows, t.Book.HiddenColumns = found.IsHidden, found.hiddenRows, found.hiddenColumns.listIn(t)
	}
	for _, s := range b.sheets {
		t.Book.Sheets = append(t.Book.Sheets, s.Sheet)
		if name != "" && !s.IsHidden && s.Name != found.Name {
			t.Book.Others = append(t.Book.Others, s.Name)
		}
	}
	return t, no
}

// damageOf says why a workbook cannot be read.
func damageOf(err error) refusal.Refusal {
	if beyond := (*bounded.TooMuch)(nil); errors.As(err, &beyond) {
		return refusalOf(beyond)
	}
	return refuse.SheetWorkbookDamaged()
}

// refusalOf says which limit of a workbook a file is beyond.
func refusalOf(beyond *bounded.TooMuch) refusal.Refusal {
	switch beyond.Of {
	case bounded.Elements:
		if beyond.Most != maxShared {
			beyond.Most = maxElements // a part may have less if other sheets were read before
		}
		return refuse.SheetTooManyElements(int64(beyond.Most))
	case bounded.Depth:
		return refuse.SheetTooDeep(int64(beyond.Most))
	case bounded.Piece:
		return refuse.SheetPieceTooLong(int64(beyond.Most >> 10))
	case limitSheets:
		return refuse.SheetTooManySheets(int64(beyond.Most))
	}
	return refuse.SheetUnpacksTooLarge(int64(beyond.Most >> 20))
}

// book is a workbook whose sheets are known and not read yet.
type book struct {
	parts  *bounded.Archive
	sheets []*bookSheet // in the order of their tabs
	byName map[string]*bookSheet
	texts  []shared
	left   int // elements that the sheets may still have together
}

// bookSheet is a sheet with rows. Sheets of charts, dialogues and macros are none.
type bookSheet struct {
	Sheet
	link string // the id of the relation to its part
	part string
}

// sheetRead is the sheet that was read, or why none was.
type sheetRead struct {
	refusal.Refusal
	Sheet
	rows          *collector
	hiddenRows    []int
	hiddenColumns hiddenColumns
}

// readSheet reads the sheet of a name. Without a name it reads the only visible sheet with values. A hidden sheet does not count there, because
// whoever opens the workbook does not see what it would import.
func (b *book) readSheet(name string) (sheetRead, error) {
	if name != "" {
		s := b.byName[foldName(name)]
		if s == nil {
			return sheetRead{Refusal: refuse.SheetMissing(refusal.Echo(name), quoteNames(b.listNames()))}, nil
		}
		return b.readRows(s)
	}
	var only sheetRead
	var filled []string
	for _, s := range b.sheets {
		switch {
		case s.IsHidden:
		case len(filled) == 0:
			read, err := b.readRows(s)
			if err != nil {
				return sheetRead{}, err
			}
			if read.Refused() || read.rows.header != nil {
				only, filled = read, []string{s.Name}
			}
		default:
			has, err := b.hasValues(s)
			if err != nil {
				return sheetRead{}, err
			}
			if has {
				filled = append(filled, s.Name)
			}
		}
	}
	switch {
	case len(filled) > 1:
		return sheetRead{Refusal: refuse.SheetUnclear(quoteNames(filled))}, nil
	case len(filled) == 0:
		return sheetRead{Refusal: b.explainEmpty()}, nil
	}
	return only, nil
}

// explainEmpty says why a workbook has no visible sheet with values.
func (b *book) explainEmpty() refusal.Refusal {
	var hidden []string
	for _, s := range b.sheets {
		if s.IsHidden {
			hidden = append(hidden, s.Name)
		}
	}
	if len(hidden) > 0 {
		return refuse.SheetAllHidden(quoteNames(hidden))
	}
	return refuse.SheetEmpty()
}

// listNames lists the sheets.
func (b *book) listNames() []string {
	out := make([]string, len(b.sheets))
	for i, s := range b.sheets {
		out[i] = s.Name
	}
	return out
}

// foldName writes a sheet's name as spreadsheets compare it.
func foldName(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// maxQuoted is how many names of sheets a refusal has.
const maxQuoted = 20

// quoteNames lists names for a refusal.
func quoteNames(names []string) string {
	var out []string
	for i, name := range names {
		if i == maxQuoted {
			out = append(out, "…")
			break
		}
		out = append(out, `"`+refusal.Echo(name)+`"`)
	}
	return strings.Join(out, ", ")
}

// openBook reads which sheets a workbook has, and the texts that cells share.
func openBook(file []byte) (*book, error) {
	parts, err := bounded.OpenArchive(file, maxUnpacked)
	if err != nil {
		return nil, err
	}
	b := &book{parts: parts, byName: map[string]*bookSheet{}, left: maxElements}
	main, err := b.findMainPart()
	if err != nil {
		return nil, err
	}
	if err := b.listSheets(main); err != nil {
		return nil, err
	}
	texts, err := b.findParts(main)
	if err == nil && texts != "" {
		b.texts, err = sharedTexts(parts, texts)
	}
	return b, err
}

// findMainPart finds the part that lists the sheets.
func (b *book) findMainPart() (name string, err error) {
	err = walkLinks(b.parts, "", func(l link) {
		if name == "" && l.isOf("officeDocument") {
			name = l.targetPart()
		}
	})
	if err == nil && name == "" {
		err = errPart
	}
	return name, err
}

// listSheets reads the list of sheets.
func (b *book) listSheets(main string) error {
	within := false
	return walk(b.parts, main, func(x *bounded.XML) error {
		if x.Depth() == 2 {
			within = x.Is("sheets")
		}
		if !within || x.Depth() != 3 || !x.Is("sheet") {
			return nil
		}
		if len(b.sheets) >= maxSheets {
			return &bounded.TooMuch{Of: limitSheets, Most: maxSheets, Line: x.Line()}
		}
		state := string(x.Attribute("state"))
		one := Sheet{Name: string(x.Attribute("name")), IsHidden: state != "" && state != "visible"}
		s := &bookSheet{Sheet: one, link: string(x.Attribute("id"))}
		if s.Name == "" || len(s.Name) > maxName || b.byName[foldName(s.Name)] != nil {
			return errPart
		}
		b.sheets, b.byName[foldName(s.Name)] = append(b.sheets, s), s
		return nil
	})
}

// findParts finds the part of each sheet, and drops the sheets that have no rows. It returns the part with the texts that cells share, "" for
// none.
func (b *book) findParts(main string) (texts string, err error) {
	byLink := map[string]*bookSheet{}
	for _, s := range b.sheets {
		byLink[s.link] = s
	}
	if len(byLink) < len(b.sheets) {
		return "", errPart
	}
	others := map[*bookSheet]bool{}
	err = walkLinks(b.parts, main, func(l link) {
		if texts == "" && l.isOf("sharedStrings") {
			texts = l.targetPart()
		}
		s := byLink[string(l.id)]
		if s == nil {
			return
		}
		delete(byLink, s.link) // a second relation with the same id means nothing
		if l.isOf("worksheet") {
			s.part = l.targetPart()
		} else {
			others[s] = true
		}
	})
	b.sheets = slices.DeleteFunc(b.sheets, func(s *bookSheet) bool { return others[s] })
	for s := range others {
		delete(b.byName, foldName(s.Name))
	}
	return texts, err
}

// openPart opens a part of a workbook as XML with some elements at most.
func openPart(parts *bounded.Archive, name string, elements int) (*bounded.XML, func(), error) {
	r, isUTF16, err := parts.Text(name)
	if err != nil {
		return nil, nil, err
	}
	limits := bounded.Limits{Elements: elements, Depth: maxDepth, Piece: maxPiece}
	if isUTF16 {
		limits.Charset = acceptUTF16
	}
	return bounded.NewXML(r, limits), func() { _ = r.Close() }, nil
}

// acceptUTF16 is the reader of a part that says it is in UTF-16, and is UTF-8 by now.
func acceptUTF16(name string, in io.Reader) (io.Reader, error) {
	if strings.HasPrefix(strings.ToLower(name), "utf-16") {
		return in, nil
	}
	return nil, errPart
}

// walk passes each element of a part to a function when it begins. The function may read the element up to its end.
func walk(parts *bounded.Archive, name string, each func(x *bounded.XML) error) error {
	left := maxElements
	return walkWithin(parts, name, &left, each)
}

// walkWithin is walk for parts that may only have so many elements together as are left.
func walkWithin(parts *bounded.Archive, name string, left *int, each func(x *bounded.XML) error) error {
	x, done, err := openPart(parts, name, *left)
	if err != nil {
		return err
	}
	defer done()
	err = walkElements(x, each)
	*left = max(0, *left-x.Elements())
	return err
}

func walkElements(x *bounded.XML, each func(x *bounded.XML) error) error {
	for {
		token, err := x.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case token == bounded.Start:
			if err := each(x); err != nil {
				return err
			}
		}
	}
}

// link is a relation of a part to another part. Its bytes are those of the element that is read.
type link struct {
	id, kind, target []byte
	dir              string // of the part that has the relation
}

// isOf reports whether the relation's type ends in a name.
func (l link) isOf(kind string) bool {
	at := len(l.kind) - len(kind)
	return at > 0 && l.kind[at-1] == '/' && string(l.kind[at:]) == kind
}

// targetPart returns the whole name of the part to which the relation leads.
func (l link) targetPart() string {
	target := strings.ReplaceAll(string(l.target), `\`, "/")
	if whole, ok := strings.CutPrefix(target, "/"); ok {
		return whole
	}
	return path.Join(l.dir, target)
}

// walkLinks passes each relation of a part to a function. The empty name is the file's.
func walkLinks(parts *bounded.Archive, of string, each func(link)) error {
	dir, name := path.Split(of)
	return walk(parts, dir+"_rels/"+name+".rels", func(x *bounded.XML) error {
		isOutside := strings.EqualFold(string(x.Attribute("TargetMode")), "External") // an address, and no part of the file
		if x.Depth() == 2 && x.Is("Relationship") && !isOutside {
			each(link{x.Attribute("Id"), x.Attribute("Type"), x.Attribute("Target"), dir})
		}
		return nil
	})
}

// shared is a text that cells share. It is judged once, because many cells may have it.
type shared struct {
	text    string
	tooLong bool
}

// sharedTexts reads the texts that cells share.
func sharedTexts(parts *bounded.Archive, name string) (all []shared, err error) {
	var own []byte
	err = walk(parts, name, func(x *bounded.XML) error {
		if x.Depth() != 2 || !x.Is("si") {
			return nil
		}
		if len(all) >= maxShared {
			return &bounded.TooMuch{Of: bounded.Elements, Most: maxShared, Line: x.Line()}
		}
		own = own[:0]
		err := richText(x, &own)
		text, tooLong := clean(string(own))
		all = append(all, shared{text, tooLong})
		return err
	})
	return all, err
}

// addText appends a piece of a text to it.
func addText(x *bounded.XML, into *[]byte) error {
	if len(*into)+len(x.Text()) > maxPiece {
		return &bounded.TooMuch{Of: bounded.Piece, Most: maxPiece, Line: x.Line()}
	}
	*into = append(*into, x.Text()...)
	return nil
}

// richText reads an element with a text, whole or in pieces with formats of their own, up to its end.
func richText(x *bounded.XML, into *[]byte) error {
	top, inPiece, inText := x.Depth(), false, false
	for {
		token, err := x.Next()
		if err != nil {
			return err
		}
		depth := x.Depth() - top
		switch {
		case token == bounded.End && depth < 0:
			return nil
		case token == bounded.End:
			inText = false
		case token == bounded.Start && depth == 1:
			inPiece, inText = x.Is("r"), x.Is("t")
		case token == bounded.Start:
			inText = depth == 2 && inPiece && x.Is("t")
		case inText:
			if err := addText(x, into); err != nil {
				return err
			}
		}
	}
}

// plainText reads the text of an element up to its end.
func plainText(x *bounded.XML, into *[]byte) error {
	for top := x.Depth(); ; {
		token, err := x.Next()
		switch {
		case err != nil:
			return err
		case token == bounded.End && x.Depth() < top:
			return nil
		case token == bounded.Text && x.Depth() == top:
			if err := addText(x, into); err != nil {
				return err
			}
		}
	}
}

// errRefused ends the reading of a sheet whose refusal is known.
var errRefused = errors.New("sheet: the workbook is refused")

// readRows reads the rows of a sheet one after another.
func (b *book) readRows(s *bookSheet) (sheetRead, error) {
	r := rowReader{rows: &collector{}, texts: b.texts}
	var merged []span
	var hidden hiddenColumns
	err := walkWithin(b.parts, s.part, &b.left, func(x *bounded.XML) error {
		switch {
		case x.Is("mergeCell"):
			from, to, _ := strings.Cut(string(x.Attribute("ref")), ":")
			if lines := (span{lineOf(from), lineOf(to)}); lines.from < lines.to {
				merged = append(merged, lines)
			}
		case x.Is("col"):
			return hidden.addRange(x)
		case x.Is("row"):
			return r.read(x)
		}
		return nil
	})
	if errors.Is(err, errRefused) {
		return sheetRead{Refusal: r.Refusal, Sheet: s.Sheet}, nil
	}
	if err != nil {
		return sheetRead{}, err
	}
	r.rows.merge(merged)
	return sheetRead{Sheet: s.Sheet, rows: r.rows, hiddenRows: r.hidden, hiddenColumns: hidden}, nil
}

// errFound ends the reading of a sheet once it has a value.
var errFound = errors.New("sheet: the sheet has a value")

// hasValues reports whether a sheet has a value. It reads no further than the first row with one.
func (b *book) hasValues(s *bookSheet) (bool, error) {
	r := rowReader{rows: &collector{}, texts: b.texts}
	err := walkWithin(b.parts, s.part, &b.left, func(x *bounded.XML) error {
		if !x.Is("row") {
			return nil
		}
		if err := r.read(x); err != nil {
			return err
		}
		if r.rows.header != nil {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) || errors.Is(err, errRefused) {
		return true, nil
	}
	return false, err
}

// rowReader reads the rows of a sheet.
type rowReader struct {
	refusal.Refusal // says why errRefused ended the reading
	rows            *collector
	texts           []shared
	line            int
	cells           []string
	own             []byte // what stands in the present cell
	hidden          []int  // lines of hidden rows with values
}

// refuseRow ends the reading with a refusal.
func (r *rowReader) refuseRow(no refusal.Refusal) error {
	r.Refusal = no
	return errRefused
}

// read reads a row up to its end.
func (r *rowReader) read(x *bounded.XML) error {
	r.line++
	if number := x.Attribute("r"); number != nil {
		stored, err := strconv.Atoi(string(number))
		if err != nil {
			return errPart
		}
		if stored > 0 {
			r.line = stored
		}
	}
	isHidden := isSet(x.Attribute("hidden")) || isTooSmall(x.Attribute("ht"))
	before := r.rows.countFilled()
	r.cells = r.cells[:0]
	column := -1
	for top := x.Depth(); ; {
		token, err := x.Next()
		switch {
		case err != nil:
			return err
		case token == bounded.End && x.Depth() < top:
			if no := r.rows.add(r.line, r.cells); no.Refused() {
				return r.refuseRow(no)
			}
			if isHidden && r.rows.countFilled() > before {
				r.hidden = append(r.hidden, r.line)
			}
			return nil
		case token == bounded.Start && x.Is("c"):
			if column++; x.Attribute("r") != nil {
				column = columnOf(x.Attribute("r"))
			}
			err = r.readCell(x, column)
		case token == bounded.Start:
			err = x.Skip()
		}
		if err != nil {
			return err
		}
	}
}

// readCell reads a cell up to its end, and puts its value into its column.
func (r *rowReader) readCell(x *bounded.XML, column int) error {
	value, tooLong, err := r.value(x)
	switch {
	case err != nil:
		return err
	case tooLong:
		return r.refuseRow(refuse.SheetCellTooLong(strconv.Itoa(r.line), maxCell))
	case value == "":
		return nil
	case column < 0, column > 2*MaxColumns:
		return r.refuseRow(refuse.SheetTooManyColumns(MaxColumns))
	}
	for len(r.cells) <= column {
		r.cells = append(r.cells, "")
	}
	r.cells[column] = value
	return nil
}

// Kinds of cells.
const (
	cellShared = "s"         // the value is the number of a text that cells share
	cellInline = "inlineStr" // the text stands in the cell
)

// value reads a cell up to its end. A program that only writes files stores a formula without a value.
func (r *rowReader) value(x *bounded.XML) (text string, tooLong bool, err error) {
	isShared, isInline := string(x.Attribute("t")) == cellShared, string(x.Attribute("t")) == cellInline
	r.own = r.own[:0]
	var formula []byte
	for top := x.Depth(); ; {
		token, err := x.Next()
		switch {
		case err != nil:
		case token == bounded.End && x.Depth() < top:
			if isShared {
				return r.sharedText()
			}
			if !isInline && len(r.own) == 0 && len(formula) > 0 {
				r.own = append(append(r.own, '='), formula...)
			}
			text, tooLong = clean(string(r.own))
			return text, tooLong, nil
		case token != bounded.Start:
		case isInline && x.Is("is"):
			err = richText(x, &r.own)
		case !isInline && x.Is("v"):
			r.own = r.own[:0]
			err = plainText(x, &r.own)
		case x.Is("f"):
			formula = formula[:0]
			err = plainText(x, &formula)
		default:
			err = x.Skip()
		}
		if err != nil {
			return "", false, err
		}
	}
}

// sharedText returns the text whose number stands in the present cell.
func (r *rowReader) sharedText() (text string, tooLong bool, err error) {
	i, err := strconv.Atoi(string(r.own))
	if err != nil || i < 0 || i >= len(r.texts) {
		return "", false, errPart
	}
	return r.texts[i].text, r.texts[i].tooLong, nil
}

// isSet reports whether an attribute says yes.
func isSet(value []byte) bool {
	return len(value) > 0 && string(value) != "0" && string(value) != "false"
}

// isTooSmall reports whether an attribute is a height or a width at which nobody sees what is in a cell.
func isTooSmall(value []byte) bool {
	size, err := strconv.ParseFloat(string(value), 64)
	return err == nil && !(size >= 1)
}

// hiddenColumns says for each column how many hidden ranges of columns begin there, less those that end before it.
type hiddenColumns [MaxColumns + 1]int

// addRange takes the range of an element "col".
func (h *hiddenColumns) addRange(x *bounded.XML) error {
	if !isSet(x.Attribute("hidden")) && !isTooSmall(x.Attribute("width")) {
		return nil
	}
	from, err := strconv.Atoi(string(x.Attribute("min")))
	if err != nil {
		return errPart
	}
	to, err := strconv.Atoi(string(x.Attribute("max")))
	if err != nil || from < 1 || to < from {
		return errPart
	}
	h[min(from-1, MaxColumns)]++
	h[min(to, MaxColumns)]--
	return nil
}

// listIn lists the hidden columns of a table that have a heading or a value.
func (h *hiddenColumns) listIn(t Table) (columns []int) {
	open := 0
	for i, heading := range t.Header {
		open += h[i]
		if open > 0 && (heading != "" || slices.ContainsFunc(t.Rows, func(r Row) bool { return r.Cells[i] != "" })) {
			columns = append(columns, i)
		}
	}
	return columns
}

// span are the lines that merged cells cover, from the first to the last.
type span struct{ from, to int }

// merge marks the rows that have cells in common with other rows. The spans are joined first, because there may be as many of them as rows.
func (c *collector) merge(spans []span) {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	joined := spans[:0]
	for _, s := range spans {
		if last := len(joined) - 1; last >= 0 && s.from <= joined[last].to {
			joined[last].to = max(joined[last].to, s.to)
			continue
		}
		joined = append(joined, s)
	}
	for i := range c.rows {
		at, found := slices.BinarySearchFunc(joined, c.rows[i].Line, func(s span, line int) int { return cmp.Compare(s.from, line) })
		c.rows[i].Merged = found || at > 0 && joined[at-1].to >= c.rows[i].Line
	}
}

// lineOf returns the number of a place's row: 7 for B7.
func lineOf(place string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(place, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	return n
}

// columnOf returns the number of a place's column, from 0: 0 for A7, 26 for AA1. It is negative if the text names no cell.
func columnOf(place []byte) int {
	n := 0
	for _, c := range place {
		if c < 'A' || c > 'Z' {
			break
		}
		if n = 26*n + int(c-'A') + 1; n > 1<<20 {
			break
		}
	}
	return n - 1
}
