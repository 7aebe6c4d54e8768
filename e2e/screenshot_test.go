package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/tier"
)

var screenshots = flag.String("screenshots", "", "write the pictures of the documentation into this folder")

// maxPicture bounds a picture of the documentation, in bytes.
const maxPicture = 100_000

// TestScreenshots makes the pictures of the documentation, and checks that the existing ones are small pictures and that a
// page names each.
//
//	go test ./e2e -run TestScreenshots -args -screenshots docs/operate/images
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		tier.Long(t)
	}
	o := openOffice(t)
	o.signIn(t)
	o.live(t)
	made := map[string][]byte{"vmeter-terminal.png": terminalPicture(t, o.chrome)}
	p := openPanel(t, o.chrome, standingMeter(t))
	p.keys(faceToken + "#")
	p.shows("ACCEPTED  +25.60")
	p.fill("#w", "750")
	p.keys(enterKey)
	p.until(`document.getElementById("supply").textContent === "● On"`)
	for _, width := range []int64{360, 1280} {
		p.size(width)
		made[fmt.Sprintf("vmeter-panel-%d.png", width)] = p.picture()
	}
	pages := ""
	for _, path := range []string{"../README.md", "../docs/operate/virtual-meter.md"} {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages += string(page)
	}
	for name, picture := range made {
		kept := filepath.Join("..", "docs", "operate", "images", name)
		if *screenshots != "" {
			if err := os.WriteFile(filepath.Join("..", *screenshots, name), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		standing, err := os.ReadFile(kept)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{picture, standing} {
			if _, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || len(b) > maxPicture {
				t.Errorf("%s has %d bytes, at most %d: %v", name, len(b), maxPicture, err)
			}
		}
		if !strings.Contains(pages, "images/"+name+")") {
			t.Errorf("no page shows %s", name)
		}
	}
	o.consolePictures(t)
}

// picture captures the whole page as it is.
func (p *tab) picture() []byte {
	p.t.Helper()
	height := ask[int64](p, `document.documentElement.scrollHeight`)
	width := ask[int64](p, `innerWidth`)
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600})
	return p.capture()
}

// capture captures the window as a small file.
func (p *tab) capture() []byte { p.t.Helper(); return p.captureIn(256) }

// captureIn captures the window in so many colours.
func (p *tab) captureIn(colours int) []byte {
	p.t.Helper()
	b, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	var packed bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&packed, fewColours(picture, colours)); err != nil {
		p.t.Fatal(err)
	}
	return packed.Bytes()
}

// terminalPicture is the meter in a terminal, as a browser draws it.
func terminalPicture(t *testing.T, chrome *browser) []byte {
	s := openTerminal(t, 80, 24, []string{"LC_ALL=C.UTF-8"}, vmeterIn(t, standingMeter(t)))
	s.has("CREDIT  0.00 kWh")
	s.types(faceToken + "#")
	s.has("ACCEPTED  +25.60")
	s.types(":*01#")
	s.presses("Enter")
	s.types("l750")
	s.presses("Enter")
	s.has("750 W switched on")
	s.has("Balance 25.6 kWh")
	p := chrome.open(t, "data:")
	page := `<!doctype html><html lang="en"><title>terminal</title><style>
		body { margin: 0; padding: 12px; background: #11151a; width: max-content } pre { margin: 0; color: #d8dee6; font: 15px/1.2 monospace }</style><pre>` +
		coloured(s.ask("capture-pane", "-e", "-p")) + `</pre>`
	p.do(chromedp.Navigate("data:text/html;charset=utf-8," + url.PathEscape(page)))
	width := ask[int64](p, `Math.ceil(document.body.getBoundingClientRect().width)`)
	p.size(width)
	height := ask[int64](p, `Math.ceil(document.body.getBoundingClientRect().height)`)
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
	return p.capture()
}

// fewColours returns the picture in its most frequent colours.
func fewColours(from image.Image, most int) *image.Paletted {
	count := map[color.RGBA]int{}
	for y := from.Bounds().Min.Y; y < from.Bounds().Max.Y; y++ {
		for x := from.Bounds().Min.X; x < from.Bounds().Max.X; x++ {
			count[color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)]++
		}
	}
	sorted := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return count[b] - count[a] })
	var p color.Palette
	for _, c := range sorted[:min(len(sorted), most)] {
		p = append(p, c)
	}
	to := image.NewPaletted(from.Bounds(), p)
	draw.Draw(to, to.Bounds(), from, from.Bounds().Min, draw.Src)
	return to
}

// palette holds the sixteen colours by number.
var palette = [...]string{
	"#11151a", "#e5675f", "#8fc66b", "#e2b34c", "#6cb2f7", "#c58fe6", "#5fd0c0", "#d8dee6",
	"#748494", "#ff8f8a", "#b5e48c", "#f3d27a", "#9ccbfa", "#dcb5f2", "#8fe6da", "#ffffff",
}

// look is the style of characters.
type look struct {
	ink, ground          int // -1: the terminal's default colour
	bold, faint, reverse bool
}

// coloured turns terminal output into HTML.
func coloured(text string) string {
	var b strings.Builder
	now := look{ink: -1, ground: -1}
	for i, part := range strings.Split(text, "\x1b[") {
		if i > 0 {
			codes, rest, _ := strings.Cut(part, "m")
			for code := range strings.SplitSeq(codes, ";") {
				now = now.after(code)
			}
			part = rest
		}
		if part != "" {
			fmt.Fprintf(&b, `<span style="%s">%s</span>`, now.style(), html.EscapeString(part))
		}
	}
	return b.String()
}

func (l look) after(code string) look {
	n := 0
	_, _ = fmt.Sscan(code, &n) // 0 if it is not a number
	switch {
	case n == 0:
		return look{ink: -1, ground: -1}
	case n == 1:
		l.bold = true
	case n == 2:
		l.faint = true
	case n == 7:
		l.reverse = true
	case n >= 30 && n <= 37:
		l.ink = n - 30
	case n == 39:
		l.ink = -1
	case n >= 40 && n <= 47:
		l.ground = n - 40
	case n == 49:
		l.ground = -1
	case n >= 90 && n <= 97:
		l.ink = n - 90 + 8
	}
	return l
}

func (l look) style() string {
	ink, ground := "#d8dee6", "transparent"
	if l.ink >= 0 {
		ink = palette[l.ink]
	}
	if l.ground >= 0 {
		ground = palette[l.ground]
	}
	if l.reverse {
		ink, ground = "#11151a", "#d8dee6"
	}
	style := "color:" + ink + ";background:" + ground
	if l.bold {
		style += ";font-weight:bold"
	}
	if l.faint {
		style += ";opacity:.65"
	}
	return style
}
