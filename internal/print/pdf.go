package print

import (
	"bytes"
	"math"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/print/font"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/words"
)

// page is the size of a page, in millimetres.
type page struct{ width, height, margin float64 }

// a6 is the paper of a receipt, which a telephone shows without zooming. A long receipt gets a longer page, so that its token and its code
// are on the first.
var a6 = page{105, 148, 7}

// a4 is the paper of a table.
var a4 = page{210, 297, 15}

// longest bounds the height of a page. What does not fit goes on the next.
const longest = 420

// Sizes of text in a PDF, in points, and of its QR code, in millimetres.
const (
	textSize  = 8.5
	titleSize = 12
	tokenSize = 16
	pdfCode   = 28
)

const (
	pointToMM   = 25.4 / 72
	lineSpacing = 1.3
	perMM       = 100 // columns of the grid in a millimetre
	family      = "paper"
)

// PDF writes a sheet as a PDF file, dated at a time. Its text can be searched and copied; names in letters that the font lacks are pictures.
func PDF(s Sheet, at time.Time) ([]byte, error) {
	p := a6
	if s.wide {
		p = a4
	}
	d := newPDF(s.say, s.title, p, at)
	d.body(s)
	return d.bytes()
}

// Book is a PDF file of several sheets. Each begins on a page of its own, in its own language.
type Book struct{ *pdfDoc }

// NewBook begins a book of sheets with tables, dated at a time. Its title is in the language of whoever asked for it.
func NewBook(say *words.Texts, title string, at time.Time) Book {
	return Book{newPDF(say, clean(title), a4, at)}
}

// Add adds a sheet.
func (b Book) Add(s Sheet) { b.body(s) }

// PDF returns the file. A book without sheets has no page.
func (b Book) PDF() ([]byte, error) { return b.bytes() }

// ReceiptPDF writes a receipt as a PDF file.
func ReceiptPDF(say *words.Texts, r receipt.Receipt) (string, error) {
	b, err := PDF(Receipt(say, r), r.At)
	return string(b), err
}

// pdfDoc is a PDF file that is being written.
type pdfDoc struct {
	*fpdf.Fpdf
	page    page
	rtl     bool
	letters map[rune]bool
	dots    *font.Dots // opened when a letter is missing
	err     error
}

func newPDF(say *words.Texts, title string, p page, at time.Time) *pdfDoc {
	d := &pdfDoc{page: p,
		Fpdf: fpdf.NewCustom(&fpdf.InitType{OrientationStr: "P", UnitStr: "mm", Size: fpdf.SizeType{Wd: p.width, Ht: p.height}})}
	d.SetCreationDate(at.UTC())
	d.SetModificationDate(at.UTC())
	d.SetCatalogSort(true)
	d.SetProducer("Paywatt", true)
	d.SetTitle(title, true)
	d.SetLang(say.Code())
	d.SetMargins(p.margin, p.margin, p.margin)
	d.SetAutoPageBreak(false, 0)
	normal, strong, err := font.Faces()
	if err != nil {
		d.SetError(err)
		return d
	}
	d.letters = font.Letters(normal)
	d.AddUTF8FontFromBytes(family, "", normal)
	d.AddUTF8FontFromBytes(family, "B", strong)
	return d
}

// begin begins the next page.
func (d *pdfDoc) begin() {
	d.AddPageFormat("P", fpdf.SizeType{Wd: d.page.width, Ht: d.page.height})
	d.SetY(d.page.margin)
}

func (d *pdfDoc) bytes() ([]byte, error) {
	var out bytes.Buffer
	if err := d.Output(&out); err != nil {
		return nil, fault.Wrap(err, "write a PDF file")
	}
	return out.Bytes(), fault.Wrap(d.err, "write a PDF file")
}

// lettering returns the style and size of the text of a block.
func lettering(kind blockKind) (bold string, size float64) {
	switch kind {
	case title:
		return "B", titleSize
	case mark, total, heading:
		return "B", textSize
	case digits:
		return "B", tokenSize
	}
	return "", textSize
}

// height returns the height of a line, in millimetres.
func height(kind blockKind) float64 {
	_, size := lettering(kind)
	switch kind {
	case code:
		return pdfCode
	case rule, blank:
		return size * pointToMM * lineSpacing / 2
	}
	return size * pointToMM * lineSpacing
}

// width returns the width of a text as it is drawn, in millimetres.
func (d *pdfDoc) width(kind blockKind, text string) float64 {
	bold, size := lettering(kind)
	d.SetFont(family, bold, size)
	drawn := visual(text, d.rtl)
	if d.shows(drawn) {
		return d.GetStringWidth(string(drawn))
	}
	return float64(d.raster().columns(text)) * size * pointToMM / 2
}

// shows reports whether the font has every letter.
func (d *pdfDoc) shows(text []rune) bool {
	for _, r := range text {
		if !d.letters[r] {
			return false
		}
	}
	return true
}

// raster returns the dots of all letters.
func (d *pdfDoc) raster() raster {
	if d.dots == nil {
		dots, err := font.Open()
		if err != nil {
			d.err = err
		}
		d.dots = &dots
	}
	return raster{dots: *d.dots, rtl: d.rtl}
}

// body writes the blocks of a sheet, on as many pages as they need.
func (d *pdfDoc) body(s Sheet) {
	d.rtl = s.rtl()
	inner := d.page.width - 2*d.page.margin
	g := grid{width: int(inner * perMM), label: int(inner * perMM / 4), indent: 3 * perMM, columns: func(kind blockKind, text string) int {
		return int(math.Ceil(d.width(kind, text) * perMM))
	}}
	lines := g.lay(s)
	whole := 2*d.page.margin + 1
	for _, l := range lines {
		whole += height(l.kind)
	}
	if !s.wide {
		d.page.height = min(max(d.page.height, whole), longest)
	}
	d.begin()
	for _, l := range lines {
		high := height(l.kind)
		if d.GetY()+high > d.page.height-d.page.margin {
			d.begin()
		}
		y := d.GetY()
		switch l.kind {
		case rule:
			d.SetLineWidth(0.2)
			d.Line(d.page.margin, y+high/2, d.page.width-d.page.margin, y+high/2)
		case code:
			d.code(l.cells[0].text, y)
		default:
			for _, c := range l.cells {
				d.text(l.kind, float64(c.at)/perMM, y, c.text)
			}
		}
		d.SetY(y + high)
	}
}

// text draws a text at a distance from the side where lines begin: the left, or the right if people read from there.
func (d *pdfDoc) text(kind blockKind, at, y float64, text string) {
	w := d.width(kind, text) // sets the font, too
	x := d.page.margin + at
	if d.rtl {
		x = d.page.width - x - w
	}
	bold, size := lettering(kind)
	d.SetFont(family, bold, size)
	if drawn := visual(text, d.rtl); d.shows(drawn) {
		d.Text(x, y+size*pointToMM, string(drawn))
		return
	}
	d.picture(d.raster().draw(text), x, y, w, size*pointToMM)
}

// code draws a QR code in the middle of the page.
func (d *pdfDoc) code(address string, y float64) {
	d.codeAt(address, (d.page.width-pdfCode)/2, y, pdfCode)
}

// codeAt draws a QR code of a size with its border.
func (d *pdfDoc) codeAt(address string, x, y, size float64) {
	q, err := qrOf(address)
	if err != nil {
		d.err = err
		return
	}
	dot := size / float64(q.size+2*quiet)
	left := x + quiet*dot
	d.SetFillColor(0, 0, 0)
	for row := range q.size {
		for _, run := range q.runs(row) {
			d.Rect(left+float64(run.from)*dot, y+float64(row+quiet)*dot, float64(run.to-run.from)*dot, dot, "F")
		}
	}
}

// picture draws dots as filled rectangles, so that a page needs no image.
func (d *pdfDoc) picture(p bitmap, x, y, w, h float64) {
	if p.width == 0 {
		return
	}
	dx, dy := w/float64(p.width), h/float64(p.height)
	d.SetFillColor(0, 0, 0)
	for row := range p.height {
		for _, run := range p.runs(row) {
			d.Rect(x+float64(run.from)*dx, y+float64(row)*dy, float64(run.to-run.from)*dx, dy, "F")
		}
	}
}

// rtl reports whether the sheet's language is read from the right.
func (s Sheet) rtl() bool {
	switch language, _, _ := strings.Cut(s.say.Code(), "-"); language {
	case "ar", "fa", "he", "ur":
		return true
	}
	return false
}
