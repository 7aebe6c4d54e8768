package bounded

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

// ErrNoPart says that a packed file has no part of a name.
var ErrNoPart = errors.New("the packed file has no such part")

// Archive is a packed file (ZIP). The parts that are opened share two limits: of the bytes that they unpack to, and of the packed bytes that
// they read. Without the second one, several parts could be the same bytes, and bytes that unpack to nothing would still cost time.
type Archive struct {
	parts    *zip.Reader
	unpacked int // most
	left     int
	packed   int // what is left of the packed bytes
}

// OpenArchive opens a packed file whose parts may unpack to some bytes in all.
func OpenArchive(file []byte, unpacked int) (*Archive, error) {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("open a packed file: %w", err)
	}
	z.RegisterDecompressor(zip.Deflate, newPackedPart)
	return &Archive{z, unpacked, unpacked, len(file)}, nil
}

// maxAhead is how many bytes of a part may be read without result. A packed part is hardly longer than what it unpacks to, and the reader of
// the format looks at less than this ahead.
const maxAhead = 256 << 10

// errIdle says that a part is long and unpacks to little. Blocks without data would cost time and never reach a limit of what they unpack to.
var errIdle = errors.New("a part of the packed file is longer than what it unpacks to")

// packedPart unpacks a part, and compares what it reads with what it gives.
type packedPart struct {
	in     io.Reader
	unpack io.ReadCloser
	ahead  int // bytes that were read, less those that were given
}

func newPackedPart(in io.Reader) io.ReadCloser {
	f := &packedPart{in: in}
	f.unpack = flate.NewReader(packedInput{f})
	return f
}

// Read gives what the part unpacks to.
func (f *packedPart) Read(p []byte) (int, error) {
	n, err := f.unpack.Read(p)
	f.ahead -= n
	return n, err
}

// Close ends the reading.
func (f *packedPart) Close() error { return f.unpack.Close() }

// packedInput reads the packed bytes.
type packedInput struct{ f *packedPart }

func (i packedInput) Read(p []byte) (int, error) {
	if i.f.ahead > maxAhead {
		return 0, errIdle
	}
	n, err := i.f.in.Read(p)
	i.f.ahead += n
	return n, err
}

// Part opens a part by its name.
func (a *Archive) Part(name string) (io.ReadCloser, error) {
	for _, f := range a.parts.File {
		if f.Name != name {
			continue
		}
		if f.CompressedSize64 > uint64(max(0, a.packed)) {
			return nil, &TooMuch{Of: Unpacked, Most: a.unpacked}
		}
		a.packed -= int(f.CompressedSize64)
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("open part %q of a packed file: %w", name, err)
		}
		return &part{a, r}, nil
	}
	return nil, ErrNoPart
}

// part is an open part.
type part struct {
	archive *Archive
	io.ReadCloser
}

// Read counts what the part unpacks to.
func (p *part) Read(b []byte) (int, error) {
	if p.archive.left <= 0 {
		return 0, &TooMuch{Of: Unpacked, Most: p.archive.unpacked}
	}
	n, err := p.ReadCloser.Read(b[:min(len(b), p.archive.left)])
	p.archive.left -= n
	return n, err
}
