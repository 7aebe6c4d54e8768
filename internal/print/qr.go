package print

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/paywatt/paywatt/internal/fault"
)

// quiet is the white border of a QR code that scanners need, in dots of the code.
const quiet = 4

// qrCode is a QR code without its border.
type qrCode struct {
	size int
	dark func(x, y int) bool
}

// qrOf returns the QR code of a text, with medium error correction, because paper gets creases.
func qrOf(text string) (qrCode, error) {
	q, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrCode{}, fault.Wrap(err, "make a QR code")
	}
	return qrCode{size: q.Bounds().Dx(), dark: func(x, y int) bool { return q.At(x, y) == color.Black }}, nil
}

// runs returns the dark spans of a row.
func (q qrCode) runs(y int) []span { return runs(q.size, func(x int) bool { return q.dark(x, y) }) }

// svgCode is a QR code as the path of a picture in a page.
type svgCode struct {
	Size int
	Path string
}

// svgOf returns the QR code of an address; nil for none.
func svgOf(address string) (*svgCode, error) {
	if address == "" {
		return nil, nil
	}
	q, err := qrOf(address)
	if err != nil {
		return nil, err
	}
	var path strings.Builder
	for y := range q.size {
		for _, run := range q.runs(y) {
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", run.from+quiet, y+quiet, run.to-run.from, run.to-run.from)
		}
	}
	return &svgCode{Size: q.size + 2*quiet, Path: path.String()}, nil
}
