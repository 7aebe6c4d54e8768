package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// maxUnzipped bounds what a part of a workbook may unpack to, in bytes. A small file can unpack to very much.
const maxUnzipped = 64 << 20

// An XLSX file is a ZIP file with parts in XML (ECMA-376 part 1, SpreadsheetML). A list of relations beside each part names the parts that it
// needs: the file its workbook, the workbook its sheets and the texts that cells share.

var (
	errPart    = errors.New("sheet: a part of the workbook is missing or wrong")
	errRows    = errors.New("sheet: too many rows")
	errColumns = errors.New("sheet: too many columns")
)

// readWorkbook reads the first sheet of an XLSX file: the values as the file stores them, without the formats of the cells. So a number is not
// rounded to what the column shows.
func readWorkbook(file []byte) (Table, refusal.Refusal) {
	rows, err := firstSheet(file)
	switch {
	case errors.Is(err, errRows):
		return Table{}, refuse.SheetTooManyRows(MaxRows)
	case errors.Is(err, errColumns):
		return Table{}, refuse.SheetTooManyColumns(MaxColumns)
	case err != nil:
		return Table{}, refuse.SheetWorkbookDamaged()
	}
	return tableOf(rows)
}

func firstSheet(file []byte) ([]Row, error) {
	parts, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	top, err := relationsOf(parts, "")
	if err != nil {
		return nil, err
	}
	book := top.ofKind("officeDocument")
	var content struct {
		Sheets []struct {
			ID string `xml:"id,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := readPart(parts, book, &content); err != nil {
		return nil, err
	}
	if len(content.Sheets) == 0 {
		return nil, nil
	}
	inBook, err := relationsOf(parts, book)
	if err != nil {
		return nil, err
	}
	var shared struct {
		Texts []text `xml:"si"`
	}
	if name := inBook.ofKind("sharedStrings"); name != "" {
		if err := readPart(parts, name, &shared); err != nil {
			return nil, err
		}
	}
	return sheetRows(parts, inBook.byID(content.Sheets[0].ID), shared.Texts)
}

// text is a text of a cell: whole, or in pieces with formats of their own.
type text struct {
	Whole  string   `xml:"t"`
	Pieces []string `xml:"r>t"`
}

func (t text) String() string { return t.Whole + strings.Join(t.Pieces, "") }

// partLinks are the parts of a workbook that one of them names, by their whole names.
type partLinks []struct {
	ID     string `xml:"Id,attr"`
	Kind   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
}

// relationsOf reads the relations of a part. The empty name is the file's.
func relationsOf(parts *zip.Reader, of string) (partLinks, error) {
	dir, name := path.Split(of)
	var list struct {
		All partLinks `xml:"Relationship"`
	}
	if err := readPart(parts, dir+"_rels/"+name+".rels", &list); err != nil {
		return nil, err
	}
	for i, r := range list.All {
		if whole, ok := strings.CutPrefix(r.Target, "/"); ok {
			list.All[i].Target = whole
		} else {
			list.All[i].Target = path.Join(dir, r.Target)
		}
	}
	return list.All, nil
}

func (l partLinks) ofKind(kind string) string {
	for _, r := range l {
		if strings.HasSuffix(r.Kind, "/"+kind) {
			return r.Target
		}
	}
	return ""
}

func (l partLinks) byID(id string) string {
	for _, r := range l {
		if r.ID == id {
			return r.Target
		}
	}
	return ""
}

func openPart(parts *zip.Reader, name string) (*xml.Decoder, error) {
	for _, f := range parts.File {
		if f.Name == name {
			r, err := f.Open()
			if err != nil {
				return nil, err
			}
			return xml.NewDecoder(io.LimitReader(r, maxUnzipped)), nil // what is cut off there is no whole XML, which is an error
		}
	}
	return nil, errPart
}

func readPart(parts *zip.Reader, name string, into any) error {
	d, err := openPart(parts, name)
	if err != nil {
		return err
	}
	return d.Decode(into)
}

// cell is a cell as the file stores it.
type cell struct {
	Place string `xml:"r,attr"` // such as B7; may be missing, then it is the place after the last
	Kind  string `xml:"t,attr"`
	Value string `xml:"v"`
	// Formula is what the value was computed with. A program that only writes files stores a formula without a value.
	Formula string `xml:"f"`
	Own     text   `xml:"is"`
}

// sheetRows reads the rows of a sheet one after another.
func sheetRows(parts *zip.Reader, name string, shared []text) ([]Row, error) {
	d, err := openPart(parts, name)
	if err != nil {
		return nil, err
	}
	var rows []Row
	var merged []xml.StartElement
	for line := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			markMerged(rows, merged)
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		start, ok := token.(xml.StartElement)
		if ok && start.Name.Local == "mergeCell" {
			merged = append(merged, start)
		}
		if !ok || start.Name.Local != "row" {
			continue
		}
		var stored struct {
			Line  int    `xml:"r,attr"`
			Cells []cell `xml:"c"`
		}
		if err := d.DecodeElement(&stored, &start); err != nil {
			return nil, err
		}
		if line++; stored.Line > 0 {
			line = stored.Line
		}
		cells, err := values(stored.Cells, shared)
		if err != nil {
			return nil, err
		}
		if len(cells) == 0 {
			continue
		}
		if rows = append(rows, Row{Line: line, Cells: cells}); len(rows) > MaxRows+1 {
			return nil, errRows
		}
	}
}

// markMerged marks the rows that have cells in common with other rows.
func markMerged(rows []Row, merged []xml.StartElement) {
	for _, m := range merged {
		for _, a := range m.Attr {
			from, to, _ := strings.Cut(a.Value, ":")
			if a.Name.Local != "ref" || lineOf(from) == lineOf(to) {
				continue
			}
			for i := range rows {
				rows[i].Merged = rows[i].Merged || rows[i].Line >= lineOf(from) && rows[i].Line <= lineOf(to)
			}
		}
	}
}

// lineOf returns the number of a place's row: 7 for B7.
func lineOf(place string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(place, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	return n
}

// values puts the values of a row into their columns.
func values(stored []cell, shared []text) ([]string, error) {
	var out []string
	at := -1
	for _, c := range stored {
		if at++; c.Place != "" {
			at = column(c.Place)
		}
		value, err := c.value(shared)
		if err != nil {
			return nil, err
		}
		if value == "" {
			continue
		}
		if at < 0 || at > 2*MaxColumns {
			return nil, errColumns
		}
		for len(out) <= at {
			out = append(out, "")
		}
		out[at] = value
	}
	return out, nil
}

func (c cell) value(shared []text) (string, error) {
	switch c.Kind {
	case "s":
		i, err := strconv.Atoi(c.Value)
		if err != nil || i < 0 || i >= len(shared) {
			return "", errPart
		}
		return shared[i].String(), nil
	case "inlineStr":
		return c.Own.String(), nil
	}
	if c.Value == "" && c.Formula != "" {
		return "=" + c.Formula, nil
	}
	return c.Value, nil
}

// column returns the number of a place's column, from 0: 0 for A7, 26 for AA1. It is negative for what is no place.
func column(place string) int {
	n := 0
	for _, r := range place {
		if r < 'A' || r > 'Z' {
			break
		}
		if n = 26*n + int(r-'A') + 1; n > 1<<20 {
			break
		}
	}
	return n - 1
}
