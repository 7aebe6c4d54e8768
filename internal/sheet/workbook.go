package sheet

import (
	"bytes"

	"github.com/xuri/excelize/v2"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// maxUnzipped bounds what a workbook may unpack to, in bytes. A small file can unpack to very much.
const maxUnzipped = 64 << 20

// readWorkbook reads the first sheet of an XLSX file: the values as the file stores them, without the formats of the cells. So a number is not
// rounded to what the column shows.
func readWorkbook(file []byte) (t Table, no refusal.Refusal) {
	// A damaged workbook can make the library panic. That is a file that cannot be read.
	defer func() {
		if recover() != nil {
			t, no = Table{}, refuse.SheetWorkbookDamaged()
		}
	}()
	book, err := excelize.OpenReader(bytes.NewReader(file), excelize.Options{RawCellValue: true, UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxUnzipped})
	if err != nil {
		return Table{}, refuse.SheetWorkbookDamaged()
	}
	defer func() { _ = book.Close() }()
	sheets := book.GetSheetList()
	if len(sheets) == 0 {
		return Table{}, refuse.SheetEmpty()
	}
	lines, err := book.Rows(sheets[0])
	if err != nil {
		return Table{}, refuse.SheetWorkbookDamaged()
	}
	defer func() { _ = lines.Close() }()
	var rows []Row
	for n := 1; lines.Next(); n++ {
		cells, err := lines.Columns()
		if err != nil {
			return Table{}, refuse.SheetWorkbookDamaged()
		}
		if len(cells) == 0 {
			continue
		}
		if rows = append(rows, Row{Line: n, Cells: cells}); len(rows) > MaxRows+1 {
			return Table{}, refuse.SheetTooManyRows(MaxRows)
		}
	}
	if lines.Error() != nil {
		return Table{}, refuse.SheetWorkbookDamaged()
	}
	return tableOf(rows)
}
