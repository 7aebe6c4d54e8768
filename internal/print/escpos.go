package print

import (
	"bytes"
	"math"

	"github.com/paywatt/paywatt/internal/print/font"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/words"
)

// Roll is the paper of a receipt printer that understands ESC/POS.
type Roll struct {
	Columns  int // 32 on 58 mm, 48 on 80 mm
	CodePage CodePage
}

// Dots of a printer of 203 dots per inch. A column has 12 dots, and a line 30, of which letters take 24.
const (
	columnDots = 12
	letterDots = 24
	lineDots   = 30
	// bandDots bounds the height of a picture in one command, because cheap printers have little memory.
	bandDots = 240
	// codeDots bounds the width of a dot of a QR code, in dots of the printer.
	codeDots = 6
)

// The commands of ESC/POS that are used.
const (
	escInit    = "\x1b@"
	escTable   = "\x1bt"     // code page
	escSpacing = "\x1b3\x1e" // lineDots
	escBold    = "\x1bE\x01"
	escThin    = "\x1bE\x00"
	gsTall     = "\x1d!\x01" // double height
	gsNormal   = "\x1d!\x00"
	gsRaster   = "\x1dv0\x00"
	escFeed    = "\x1bd\x04"
	gsCut      = "\x1dVB\x00"
)

// ESCPOS writes a sheet as commands for a receipt printer. Lines in letters of the printer's code page are text. All other lines are
// pictures, so that no letter is lost. No line is wider than the paper.
func ESCPOS(s Sheet, roll Roll) ([]byte, error) {
	p := printer{roll: roll, rtl: s.rtl()}
	p.out.WriteString(escInit + escTable)
	p.out.WriteByte(roll.CodePage.number())
	p.out.WriteString(escSpacing)
	g := grid{width: roll.Columns, label: labelColumns, indent: 2, columns: func(_ blockKind, text string) int { return p.columns(text) }}
	for _, l := range g.lay(s) {
		p.line(l)
	}
	p.out.WriteString(escFeed + gsCut)
	return p.out.Bytes(), p.err
}

// ReceiptESCPOS writes a receipt as commands for a receipt printer.
func ReceiptESCPOS(roll Roll) func(*words.Texts, receipt.Receipt) (string, error) {
	return func(say *words.Texts, r receipt.Receipt) (string, error) {
		b, err := ESCPOS(Receipt(say, r), roll)
		return string(b), err
	}
}

// printer writes commands.
type printer struct {
	roll Roll
	rtl  bool
	dots *font.Dots // opened when the code page lacks a letter
	out  bytes.Buffer
	err  error
}

func (p *printer) raster() raster {
	if p.dots == nil {
		dots, err := font.Open()
		if err != nil {
			p.err = err
		}
		p.dots = &dots
	}
	return raster{dots: *p.dots, rtl: p.rtl}
}

// columns returns how many columns a text takes.
func (p *printer) columns(text string) int {
	if b, ok := p.roll.CodePage.encode(text); ok {
		return len(b)
	}
	return p.raster().columns(text)
}

func (p *printer) line(l line) {
	switch l.kind {
	case blank:
		p.out.WriteByte('\n')
		return
	case rule:
		p.out.Write(bytes.Repeat([]byte("-"), p.roll.Columns))
		p.out.WriteByte('\n')
		return
	case code:
		p.code(l.cells[0].text)
		return
	}
	if p.rtl {
		for i, c := range l.cells {
			l.cells[i].at = p.roll.Columns - c.at - p.columns(c.text)
		}
		if n := len(l.cells); n == 2 {
			l.cells[0], l.cells[1] = l.cells[1], l.cells[0]
		}
	}
	text := make([]byte, 0, p.roll.Columns)
	for _, c := range l.cells {
		b, ok := p.roll.CodePage.encode(c.text)
		if !ok {
			p.drawn(l)
			return
		}
		for len(text) < c.at {
			text = append(text, ' ')
		}
		text = append(text, b...)
	}
	before, after := "", ""
	switch l.kind {
	case title:
		before, after = escBold+gsTall, gsNormal+escThin
	case mark, total:
		before, after = escBold, escThin
	case digits:
		before, after = escBold+gsTall, gsNormal+escThin
	}
	p.out.WriteString(before)
	p.out.Write(text)
	p.out.WriteByte('\n')
	p.out.WriteString(after)
}

// drawn writes a line as a picture.
func (p *printer) drawn(l line) {
	b := newBitmap(p.roll.Columns*font.Height/2, font.Height)
	for _, c := range l.cells {
		p.raster().drawAt(b, c.at, c.text)
	}
	wide := newBitmap(p.roll.Columns*columnDots, lineDots)
	for y := range letterDots {
		for x := range wide.width {
			if b.at(x*font.Height/letterDots, y*font.Height/letterDots) {
				wide.set(x, y)
			}
		}
	}
	p.picture(wide)
}

// code writes a QR code in the middle of the paper.
func (p *printer) code(address string) {
	q, err := qrOf(address)
	if err != nil {
		p.err = err
		return
	}
	width := p.roll.Columns * columnDots
	dot := min(codeDots, width/(q.size+2*quiet))
	b := newBitmap(width, (q.size+2*quiet)*dot)
	left := (width - q.size*dot) / 2
	for y := range q.size * dot {
		for x := range q.size * dot {
			if q.dark(x/dot, y/dot) {
				b.set(left+x, quiet*dot+y)
			}
		}
	}
	p.picture(b)
}

// picture writes a picture as wide as the paper, in bands.
func (p *printer) picture(b bitmap) {
	for top := 0; top < b.height; top += bandDots {
		rows := min(bandDots, b.height-top)
		across := b.width / 8
		if across > math.MaxUint8 || rows > math.MaxUint8 {
			continue // no paper is as wide
		}
		p.out.WriteString(gsRaster)
		p.out.Write([]byte{byte(across), 0, byte(rows), 0})
		for y := top; y < top+rows; y++ {
			for x := 0; x < b.width; x += 8 {
				var bits byte
				for i := range 8 {
					if b.at(x+i, y) {
						bits |= 0x80 >> i
					}
				}
				p.out.WriteByte(bits)
			}
		}
	}
}
