package bounded

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Errors of the parts of a packed file.
var (
	ErrNoPart   = errors.New("the packed file has no such part")
	ErrPartName = errors.New("a part of the packed file has the name of another one, or a name that leads out of the file")
)

// Archive is a packed file (ZIP) whose parts have names as in ECMA-376 part 2, 6.2.2: capitals do not count. Some programs write backslashes
// in them, which are slashes here. The parts that are opened share two limits: of the bytes that they unpack to, and of the packed bytes that
// they read. Without the second one, several parts could be the same bytes, and bytes that unpack to nothing would still cost time.
type Archive struct {
	parts    map[string]*zip.File
	unpacked int // most
	left     int
	text     int // what is left of the bytes that texts have in UTF-8
	packed   int // what is left of the packed bytes
}

// OpenArchive opens a packed file whose parts may unpack to some bytes in all.
func OpenArchive(file []byte, unpacked int) (*Archive, error) {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("open a packed file: %w", err)
	}
	z.RegisterDecompressor(zip.Deflate, newPackedPart)
	parts := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		name, err := partName(f.Name)
		if err != nil || parts[name] != nil {
			return nil, ErrPartName
		}
		parts[name] = f
	}
	return &Archive{parts: parts, unpacked: unpacked, left: unpacked, text: unpacked, packed: len(file)}, nil
}

// partName writes the name of a part so that equal names are the same text. Folders, whose names end in a slash, keep it.
func partName(name string) (string, error) {
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", ErrPartName
	}
	if strings.HasSuffix(name, "/") {
		clean += "/"
	}
	return clean, nil
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
	clean, err := partName(name)
	if err != nil {
		return nil, err
	}
	f := a.parts[clean]
	if f == nil {
		return nil, ErrNoPart
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

// Text opens a part that is a text. If it begins with a byte order mark of UTF-16, it is read as UTF-8, and isUTF16 is true. A letter of two
// bytes in UTF-16 may have three in UTF-8, so the limit of what the parts unpack to holds for the texts in UTF-8 as well.
func (a *Archive) Text(name string) (_ io.ReadCloser, isUTF16 bool, err error) {
	r, err := a.Part(name)
	if err != nil {
		return nil, false, err
	}
	head := make([]byte, 2)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false, errors.Join(err, r.Close())
	}
	order := orderOf(head[:n])
	text := &textPart{archive: a, in: io.MultiReader(bytes.NewReader(head[:n]), r), Closer: r}
	if order != nil {
		text.in = NewUTF16(r, order)
	}
	return text, order != nil, nil
}

// textPart is an open part in UTF-8.
type textPart struct {
	archive *Archive
	in      io.Reader
	io.Closer
}

// Read counts what the text has in UTF-8.
func (t *textPart) Read(b []byte) (int, error) {
	if t.archive.text <= 0 {
		return 0, &TooMuch{Of: Unpacked, Most: t.archive.unpacked}
	}
	n, err := t.in.Read(b[:min(len(b), t.archive.text)])
	t.archive.text -= n
	return n, err
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
