package print

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/words"
)

// Door is a card that hangs at the door of a flat.
type Door struct{ Name, Meter, Address string }

// Places of a card on its page, in millimetres.
const (
	doorColumns, doorRows = 2, 4
	doorCode              = 42
	doorIndent            = 6
)

// Doors writes cards with QR codes as a PDF file, eight on a page of A4, with dashed lines to cut along.
func Doors(say *words.Texts, heading string, all []Door, at time.Time) ([]byte, error) {
	say = say.Plain()
	d := newPDF(say, clean(heading), a4, at)
	d.rtl = Sheet{say: say}.rtl()
	wide, high := d.page.width/doorColumns, d.page.height/doorRows
	for i, card := range all {
		place := i % (doorColumns * doorRows)
		if place == 0 {
			d.begin()
			d.cuts(wide, high)
		}
		x, y := float64(place%doorColumns)*wide+doorIndent, float64(place/doorColumns)*high+doorIndent
		d.codeAt(card.Address, x, y, doorCode)
		inner := wide - doorCode - 3*doorIndent
		for _, line := range []struct {
			kind blockKind
			text string
		}{{title, card.Name}, {field, card.Meter}, {field, say.FlatsDoorPay()}, {field, say.FlatsDoorSees()}} {
			y = d.beside(line.kind, clean(line.text), x+doorCode+doorIndent, y, inner)
		}
	}
	return d.bytes()
}

// cuts draws the lines between the cards of a page.
func (d *pdfDoc) cuts(wide, high float64) {
	d.SetLineWidth(0.1)
	d.SetDashPattern([]float64{2, 2}, 0)
	for i := 1; i < doorColumns; i++ {
		d.Line(float64(i)*wide, 0, float64(i)*wide, d.page.height)
	}
	for i := 1; i < doorRows; i++ {
		d.Line(0, float64(i)*high, d.page.width, float64(i)*high)
	}
	d.SetDashPattern(nil, 0)
}

// beside writes a text in lines of a width, and returns where the next begins.
func (d *pdfDoc) beside(kind blockKind, text string, x, y, width float64) float64 {
	line := ""
	flush := func() {
		d.text(kind, x-d.page.margin, y, line)
		y, line = y+height(kind), ""
	}
	for _, word := range strings.Fields(text) {
		if line != "" && d.width(kind, line+" "+word) > width {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		flush()
	}
	return y + 1
}
