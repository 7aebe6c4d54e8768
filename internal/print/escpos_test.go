package print_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/print/font"
	"github.com/paywatt/paywatt/internal/print/printtest"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// pngOf writes the picture of a slip as a file.
func pngOf(t *testing.T, s printtest.Slip) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, s.Picture()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// printed lays out a receipt for a printer and prints it.
func printed(t *testing.T, r receipt.Receipt, roll print.Roll) printtest.Slip {
	t.Helper()
	dots, err := font.Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := print.ESCPOS(print.Receipt(english(t), r), roll)
	if err != nil {
		t.Fatal(err)
	}
	s, err := printtest.Decode(roll.Columns, b, dots)
	if err != nil {
		t.Fatalf("%s: %v", r.No, err)
	}
	if !s.Cut {
		t.Errorf("%s: the paper is not cut", r.No)
	}
	return s
}

func rolls() []print.Roll {
	return []print.Roll{{Columns: 32, CodePage: print.CP858}, {Columns: 48, CodePage: print.CP858}, {Columns: 32, CodePage: print.CP1252}, {Columns: 48, CodePage: print.CP1252}}
}

// TestPrintersSayWhatThePaperSays: on a printer, a receipt of plain letters has the lines of the text of as many columns.
func TestPrintersSayWhatThePaperSays(t *testing.T) {
	tier.Slow(t)
	for name, r := range shapes(t) {
		if name == "no-decimals-by-a-vendor" { // has letters that are printed as pictures
			continue
		}
		for _, roll := range rolls() {
			want := print.Text48(english(t), r)
			if roll.Columns == 32 {
				want = print.Text32(english(t), r)
			}
			got := strings.TrimRight(strings.Join(printed(t, r, roll).Lines, "\n"), "\n") + "\n"
			if got != want {
				t.Errorf("%s on %+v:\n%s\nwant\n%s", name, roll, got, want)
			}
		}
	}
}

// TestPicturesOfPrintedReceipts compares what a printer prints with golden pictures.
func TestPicturesOfPrintedReceipts(t *testing.T) {
	all := shapes(t)
	arabic := all["plain"]
	arabic.Customer, arabic.Place = "أمينة بنت محمد بن عبد الله", "شارع البحيرة 12 (الطابق 3)"
	all["arabic"] = arabic
	linked := all["plain"]
	linked.Customer = "Łucja 中村 አሚና é"
	linked.Link = "https://pay.example.org/sales/vnd_01jd00000000000000000000000/receipt"
	all["code"] = linked
	for _, name := range []string{"plain", "two-tokens", "copy", "no-decimals-by-a-vendor", "arabic", "code"} {
		for _, roll := range rolls()[:2] {
			t.Run(fmt.Sprintf("%s-%d", name, roll.Columns), func(t *testing.T) {
				got := printed(t, all[name], roll)
				file := filepath.Join("testdata", "escpos", fmt.Sprintf("%s-%d.png", name, roll.Columns))
				if *update {
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, pngOf(t, got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				f, err := os.Open(file)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				want, err := png.Decode(f)
				if err != nil {
					t.Fatal(err)
				}
				p := got.Picture()
				if p.Bounds() != want.Bounds() {
					t.Fatalf("the paper has %v dots, the golden picture %v; run go test ./internal/print -update and look at it", p.Bounds(), want.Bounds())
				}
				for y := range p.Bounds().Dy() {
					for x := range p.Bounds().Dx() {
						if r, _, _, _ := want.At(x, y).RGBA(); (r == 0) != (p.ColorIndexAt(x, y) == 1) {
							t.Fatalf("the paper differs from %s at %d,%d; run go test ./internal/print -update and look at it", file, x, y)
						}
					}
				}
			})
		}
	}
}

// TestNoLineIsWiderThanThePaper: in every language, with names of any letters and any length, no line is too wide, and nothing is left out.
func TestNoLineIsWiderThanThePaper(t *testing.T) {
	tier.Slow(t)
	dots, err := font.Open()
	if err != nil {
		t.Fatal(err)
	}
	languages := wordstest.Languages(t).All()
	letters := []rune("aZ9 .,-(é€ñßØƙɓŁЖяΩשלוםأمينةلابيتچگ日本語가각ไทยกำहिन्दीአሚና🎉👩🏽\u200d🔧e\u0301\u064b\u0650–“…\u202e\x1b\x00")
	base := plain(t)
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOfN(rapid.SampledFrom(letters), 0, 120).Draw(t, "name"))
		r := base
		r.Utility, r.Customer, r.Operator, r.TariffName, r.Message = name, name, name, name, name
		r.Others = []receipt.Part{{Kind: "debt", Label: name, Amount: 1000, Left: left(5000)}}
		say := rapid.SampledFrom(languages).Draw(t, "language")
		roll := rapid.SampledFrom(rolls()).Draw(t, "roll")
		b, err := print.ESCPOS(print.Receipt(say, r), roll)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := printtest.Decode(roll.Columns, b, dots); err != nil {
			t.Fatalf("%q on %+v: %v", name, roll, err)
		}
	})
}

// TestCodesAreReadBack: zbarimg reads the address of the explanation from the printed receipt, the PDF and the page.
func TestCodesAreReadBack(t *testing.T) {
	r := plain(t)
	r.Link = "https://pay.example.org/sales/vnd_01jd00000000000000000000000/receipt"
	read := func(what, file string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), tier.Program(t, "zbarimg"), "-q", "--raw", file).Output()
		if err != nil || strings.TrimSpace(string(out)) != r.Link {
			t.Errorf("%s: zbarimg (Debian package zbar-tools) read %q, %v", what, out, err)
		}
	}
	for _, roll := range rolls() {
		file := filepath.Join(t.TempDir(), "roll.png")
		if err := os.WriteFile(file, pngOf(t, printed(t, r, roll)), 0o600); err != nil {
			t.Fatal(err)
		}
		read(fmt.Sprint(roll), file)
	}
	file := filepath.Join(t.TempDir(), "paper")
	if err := os.WriteFile(file+".pdf", pdfOf(t, english(t), r), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), tier.Program(t, "pdftoppm"), "-r", "150", "-png", "-singlefile", file+".pdf", file).CombinedOutput(); err != nil {
		t.Fatalf("pdftoppm: %v: %s", err, out)
	}
	read("PDF", file+".png")
	page, err := print.HTML(english(t), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+"-html.png", drawnSVG(t, page), 0o600); err != nil {
		t.Fatal(err)
	}
	read("HTML", file+"-html.png")
}

// drawnSVG draws the path of rectangles ("M4 4h7v1h-7z") that is the page's only picture.
func drawnSVG(t *testing.T, page string) []byte {
	t.Helper()
	var size int
	_, rest, _ := strings.Cut(page, `viewBox="0 0 `)
	if _, err := fmt.Sscanf(rest, "%d", &size); err != nil {
		t.Fatalf("the page has no picture: %v", err)
	}
	_, rest, _ = strings.Cut(rest, ` d="`)
	path, _, _ := strings.Cut(rest, `"`)
	const dot = 6
	p := image.NewPaletted(image.Rect(0, 0, size*dot, size*dot), color.Palette{color.White, color.Black})
	for piece := range strings.SplitSeq(strings.TrimSuffix(path, "z"), "z") {
		var x, y, w int
		if _, err := fmt.Sscanf(piece, "M%d %dh%dv1", &x, &y, &w); err != nil {
			t.Fatalf("%q: %v", piece, err)
		}
		for dy := range dot {
			for dx := range w * dot {
				p.SetColorIndex(x*dot+dx, y*dot+dy, 1)
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCodePagesAreTheStandards compares both tables with those of golang.org/x/text, and the width of each letter.
func TestCodePagesAreTheStandards(t *testing.T) {
	dots, err := font.Open()
	if err != nil {
		t.Fatal(err)
	}
	for page, want := range map[print.CodePage]*charmap.Charmap{print.CP858: charmap.CodePage858, print.CP1252: charmap.Windows1252} {
		n := 0
		for b := 0x80; b <= 0xff; b++ {
			r := want.DecodeByte(byte(b))
			if r == '\ufffd' || r < 0xa0 { // unused
				continue
			}
			got, ok := page.Encode(string(r))
			if simple := strings.ContainsRune("–—‘’“”…", r); !ok || !simple && (len(got) != 1 || got[0] != byte(b)) {
				t.Errorf("%s: %q is % x %t, want %x", page, r, got, ok, b)
			}
			if dots.Glyph(r).Wide && r != '\u00ad' {
				t.Errorf("%s: %q is drawn wide", page, r)
			}
			n++
		}
		if n < 120 {
			t.Errorf("%s has %d letters", page, n)
		}
		if _, ok := page.Encode("ɓ"); ok {
			t.Errorf("%s has ɓ", page)
		}
	}
}
