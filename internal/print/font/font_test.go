package font_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/print/font"
)

// TestTheFontsAreThePublishedOnes compares the checksum of each file.
func TestTheFontsAreThePublishedOnes(t *testing.T) {
	sums, err := os.ReadFile("CHECKSUMS")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(sums)) {
		want, file, _ := strings.Cut(strings.TrimSpace(line), "  ")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(b)); got != want {
			t.Errorf("%s has the checksum %s, want %s", file, got, want)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d fonts have a checksum, want 3", n)
	}
}

func draw(g font.Glyph) string {
	var b strings.Builder
	for _, row := range g.Rows {
		for x := range 8 * g.Columns() {
			if row>>(15-x)&1 == 1 {
				b.WriteByte('#')
			} else {
				b.WriteByte('.')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestGlyphs(t *testing.T) {
	d, err := font.Open()
	if err != nil {
		t.Fatal(err)
	}
	const letterL = "........\n........\n........\n........\n.#......\n.#......\n.#......\n.#......\n.#......\n.#......\n.#......\n.#......\n.#......\n.######.\n........\n........\n"
	if got := draw(d.Glyph('L')); got != letterL {
		t.Errorf("L is\n%s", got)
	}
	for _, r := range "AzéŁƙ№ﻼשЖ" {
		if d.Glyph(r).Rows == [font.Height]uint16{} {
			t.Errorf("%q has no dots", r)
		}
	}
	if !d.Glyph('中').Wide || d.Glyph('ɓ').Wide {
		t.Error("the widths of glyphs are wrong")
	}
	const unknown = `################
#..............#
#.###..#..###..#
#.#.#.##..#....#
#.#.#..#..##...#
#.#.#..#..#....#
#.###.###.#....#
#..............#
#..............#
#.###.###.###..#
#...#.#.#.#.#..#
#.###.###.###..#
#...#.#.#...#..#
#.###.###.###..#
#..............#
################
`
	if got := draw(d.Glyph(0x1f389)); got != unknown {
		t.Errorf("a letter without a glyph is\n%s", got)
	}
}
