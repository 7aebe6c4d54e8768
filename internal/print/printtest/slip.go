// Package printtest is a receipt printer for tests. It understands ESC/POS from the manuals and knows nothing of the code that writes it.
package printtest

import (
	"fmt"
	"image"
	"image/color"

	"golang.org/x/text/encoding/charmap"

	"github.com/paywatt/paywatt/internal/print/font"
)

// Slip is what comes out of a receipt printer: a picture of the paper, and the lines that it printed in its own letters.
type Slip struct {
	Dots  [][]bool // a row of the paper's width each
	Lines []string
	Cut   bool
}

// decoder is a printer of its own, written from the manuals of ESC/POS. It knows nothing of the code that writes the commands.
type decoder struct {
	columns int
	dots    font.Dots
	in      []byte
	at      int

	table      *charmap.Charmap
	spacing    int
	bold, tall bool
	line       []rune
	out        Slip
}

func (d *decoder) next() byte {
	if d.at >= len(d.in) {
		panic("the commands end in the middle")
	}
	d.at++
	return d.in[d.at-1]
}

// Decode prints commands on paper of 32 or 48 columns. It fails for a command that it does not know, a letter that the code page lacks, and
// a line that is wider than the paper.
func Decode(columns int, in []byte, dots font.Dots) (out Slip, err error) {
	d := &decoder{columns: columns, in: in, dots: dots, spacing: 34, table: charmap.CodePage437}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("at byte %d: %v", d.at, r)
		}
	}()
	for d.at < len(in) {
		switch b := d.next(); b {
		case 0x1b:
			d.escape()
		case 0x1d:
			d.group()
		case '\n':
			d.feed()
		default:
			r := d.table.DecodeByte(b)
			if r < ' ' || r == '\ufffd' {
				panic(fmt.Sprintf("a byte %#x in the text", b))
			}
			d.line = append(d.line, r)
		}
	}
	if len(d.line) > 0 {
		panic("a line without an end")
	}
	return d.out, nil
}

func (d *decoder) escape() {
	switch c := d.next(); c {
	case '@':
		d.bold, d.tall, d.spacing, d.line = false, false, 34, nil
	case 't':
		switch n := d.next(); n {
		case 16:
			d.table = charmap.Windows1252
		case 19:
			d.table = charmap.CodePage858
		default:
			panic(fmt.Sprintf("code page %d", n))
		}
	case '3':
		d.spacing = int(d.next())
	case 'E':
		d.bold = d.next()&1 == 1
	case 'd':
		for range d.next() {
			d.feed()
		}
	default:
		panic(fmt.Sprintf("ESC %q", c))
	}
}

func (d *decoder) group() {
	switch c := d.next(); c {
	case '!':
		n := d.next()
		if n&^1 != 0 {
			panic(fmt.Sprintf("size %#x", n))
		}
		d.tall = n == 1
	case 'V':
		if d.next() != 'B' {
			panic("a cut of another kind")
		}
		d.next()
		d.out.Cut = true
	case 'v':
		if d.next() != '0' || d.next() != 0 || len(d.line) > 0 {
			panic("a picture of another kind, or in the middle of a line")
		}
		across := int(d.next()) + 256*int(d.next())
		rows := int(d.next()) + 256*int(d.next())
		if across*8 > d.columns*12 {
			panic(fmt.Sprintf("a picture of %d dots", across*8))
		}
		for range rows {
			row := make([]bool, d.columns*12)
			for x := range across {
				b := d.next()
				for i := range 8 {
					row[8*x+i] = b>>(7-i)&1 == 1
				}
			}
			d.out.Dots = append(d.out.Dots, row)
		}
	default:
		panic(fmt.Sprintf("GS %q", c))
	}
}

// feed prints the line in the printer's letters of 12 dots by 24.
func (d *decoder) feed() {
	if len(d.line) > d.columns {
		panic(fmt.Sprintf("a line of %d columns: %q", len(d.line), string(d.line)))
	}
	height := 1
	if d.tall {
		height = 2
	}
	rows := make([][]bool, max(d.spacing, 24*height))
	for y := range rows {
		rows[y] = make([]bool, d.columns*12)
	}
	for i, r := range d.line {
		g := d.dots.Glyph(r)
		for y := range 24 * height {
			for x := range 12 {
				if g.Rows[y*2/3/height]>>(15-x*2/3)&1 == 1 {
					rows[y][12*i+x] = true
					if d.bold {
						rows[y][min(12*i+x+1, d.columns*12-1)] = true
					}
				}
			}
		}
	}
	d.out.Dots = append(d.out.Dots, rows...)
	d.out.Lines = append(d.out.Lines, string(d.line))
	d.line = nil
}

// Picture returns the paper with a white border.
func (s Slip) Picture() *image.Paletted {
	const border = 8
	w := len(s.Dots[0])
	p := image.NewPaletted(image.Rect(0, 0, w+2*border, len(s.Dots)+2*border), color.Palette{color.White, color.Black})
	for y, row := range s.Dots {
		for x, dark := range row {
			if dark {
				p.SetColorIndex(x+border, y+border, 1)
			}
		}
	}
	return p
}
