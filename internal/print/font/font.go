// Package font has the fonts of receipts and reports: DejaVu Sans for PDF, and the dots of GNU Unifont for printers, which has nearly every
// letter of every script. NOTICE.md says where they come from.
package font

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the fonts
	"encoding/binary"
	"fmt"
	"io"
	"sort"
)

//go:embed DejaVuSans.ttf.gz
var regular []byte

//go:embed DejaVuSans-Bold.ttf.gz
var bold []byte

//go:embed unifont.gz
var unifont []byte

// maxUnpacked bounds an unpacked font, in bytes.
const maxUnpacked = 4 << 20

// unpack returns the content of an embedded file.
func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("open a font: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(z, maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("unpack a font: %w", err)
	}
	return b, nil
}

// Faces returns DejaVu Sans and DejaVu Sans Bold as TrueType files.
func Faces() (normal, strong []byte, err error) {
	if normal, err = unpack(regular); err != nil {
		return nil, nil, err
	}
	strong, err = unpack(bold)
	return normal, strong, err
}

// Height is the number of dots of a glyph from top to bottom. A narrow glyph is half as wide, a wide glyph as wide.
const Height = 16

// Sizes in bytes of a glyph with its letter in front, which has two bytes.
const (
	narrowSize = 2 + Height
	wideSize   = 2 + 2*Height
)

// Dots has the glyphs of the bitmap font.
type Dots struct{ narrow, wide []byte }

// Open unpacks the bitmap font. It takes some milliseconds and 2 MB, so only documents that need it do so.
func Open() (Dots, error) {
	b, err := unpack(unifont)
	if err != nil {
		return Dots{}, err
	}
	if len(b) < 4 {
		return Dots{}, fmt.Errorf("unpack the font of printers: %w", io.ErrUnexpectedEOF)
	}
	n := int(binary.BigEndian.Uint32(b)) * narrowSize
	if b = b[4:]; n > len(b) {
		return Dots{}, fmt.Errorf("unpack the font of printers: %w", io.ErrUnexpectedEOF)
	}
	return Dots{narrow: b[:n], wide: b[n:]}, nil
}

// Glyph is the picture of a letter. Bit 15 of a row is its left dot; a narrow glyph uses bits 15 to 8.
type Glyph struct {
	Rows [Height]uint16
	Wide bool
}

// Columns returns the columns that the glyph takes: 1 or 2.
func (g Glyph) Columns() int {
	if g.Wide {
		return 2
	}
	return 1
}

// Glyph returns the picture of a letter. A letter that the font lacks is a frame with its number in hexadecimal, so that nothing is lost.
func (d Dots) Glyph(r rune) Glyph {
	if b := find(d.narrow, narrowSize, r); b != nil {
		var g Glyph
		for i := range g.Rows {
			g.Rows[i] = uint16(b[i]) << 8
		}
		return g
	}
	if b := find(d.wide, wideSize, r); b != nil {
		g := Glyph{Wide: true}
		for i := range g.Rows {
			g.Rows[i] = binary.BigEndian.Uint16(b[2*i:])
		}
		return g
	}
	return framed(r)
}

// find returns the rows of a letter in a sorted list of glyphs.
func find(list []byte, size int, r rune) []byte {
	if r > 0xffff {
		return nil
	}
	n := len(list) / size
	i := sort.Search(n, func(i int) bool { return rune(binary.BigEndian.Uint16(list[i*size:])) >= r })
	if i == n || rune(binary.BigEndian.Uint16(list[i*size:])) != r {
		return nil
	}
	return list[i*size+2 : (i+1)*size]
}

// digits are the hexadecimal digits, 3 dots wide and 5 high, a row in each octal digit.
var digits = [16]uint16{0o75557, 0o26227, 0o71747, 0o71717, 0o55711, 0o74717, 0o74757, 0o71111, 0o75757, 0o75717, 0o25755, 0o65656, 0o34443, 0o65556, 0o74647, 0o74644}

// framed returns a frame with a number of six digits in two rows.
func framed(r rune) Glyph {
	g := Glyph{Wide: true}
	for y := range g.Rows {
		g.Rows[y] = 0x8001
	}
	g.Rows[0], g.Rows[Height-1] = 0xffff, 0xffff
	for i := range 6 {
		d := digits[r>>(20-4*i)&0xf]
		x, y := 2+4*(i%3), 2+7*(i/3)
		for row := range 5 {
			bits := d >> (3 * (4 - row)) & 7
			g.Rows[y+row] |= bits << (13 - x)
		}
	}
	return g
}

// Letters returns the letters that a TrueType font of this package shows.
func Letters(ttf []byte) map[rune]bool {
	out := map[rune]bool{}
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(ttf[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(ttf[at:])) }
	for i := range u16(4) { // the tables of the file
		if record := 12 + 16*i; string(ttf[record:record+4]) == "cmap" {
			cmap := u32(record + 8)
			for j := range u16(cmap + 2) { // its tables; one of format 4 has all letters of two bytes
				if sub := cmap + u32(cmap+4+8*j+4); u16(sub) == 4 {
					segments := u16(sub+6) / 2
					for k := range segments {
						end, start := u16(sub+14+2*k), u16(sub+16+2*segments+2*k)
						for r := start; r <= end && r < 0xffff; r++ {
							out[rune(r)] = true
						}
					}
					return out
				}
			}
		}
	}
	return out
}
