package print

import (
	"unicode"

	"github.com/paywatt/paywatt/internal/print/font"
)

// bitmap is a picture in black and white.
type bitmap struct {
	width, height int
	dark          []bool
}

func newBitmap(width, height int) bitmap {
	return bitmap{width: width, height: height, dark: make([]bool, width*height)}
}

func (b bitmap) at(x, y int) bool { return b.dark[y*b.width+x] }

func (b bitmap) set(x, y int) {
	if x >= 0 && x < b.width && y >= 0 && y < b.height {
		b.dark[y*b.width+x] = true
	}
}

// span is a row of dark dots, from the first to the one behind the last.
type span struct{ from, to int }

// runs returns the dark spans of a row.
func (b bitmap) runs(y int) []span { return runs(b.width, func(x int) bool { return b.at(x, y) }) }

func runs(width int, dark func(x int) bool) (out []span) {
	for x := 0; x < width; x++ {
		from := x
		for x < width && dark(x) {
			x++
		}
		if x > from {
			out = append(out, span{from, x})
		}
	}
	return out
}

// raster draws text with the dots of the bitmap font. A column is half as wide as a line is high.
type raster struct {
	dots font.Dots
	rtl  bool // the direction of the whole paper
}

// columns returns how many columns a text takes when it is drawn.
func (r raster) columns(text string) (n int) {
	for _, c := range visual(text, r.rtl) {
		if !over(c) {
			n += r.dots.Glyph(c).Columns()
		}
	}
	return n
}

// over reports whether a sign is drawn over the letter before it.
func over(c rune) bool { return unicode.In(c, unicode.Mn, unicode.Me) }

// draw draws a text, [font.Height] dots high.
func (r raster) draw(text string) bitmap {
	b := newBitmap(r.columns(text)*font.Height/2, font.Height)
	r.drawAt(b, 0, text)
	return b
}

// drawAt draws a text into a picture, from the column at.
func (r raster) drawAt(b bitmap, at int, text string) {
	x, before := at*font.Height/2, at*font.Height/2
	for _, c := range visual(text, r.rtl) {
		g := r.dots.Glyph(c)
		left := x
		if over(c) {
			left = before
		} else {
			before = x
			x += g.Columns() * font.Height / 2
		}
		for y, row := range g.Rows {
			for dx := range 8 * g.Columns() {
				if row>>(15-dx)&1 == 1 {
					b.set(left+dx, y)
				}
			}
		}
	}
}
