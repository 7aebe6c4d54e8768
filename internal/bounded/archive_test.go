package bounded_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/bounded"
)

// packed makes a ZIP file of parts.
func packed(t *testing.T, method uint16, parts map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range parts {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readPart reads a part of an archive whole.
func readPart(a *bounded.Archive, name string) ([]byte, error) {
	r, err := a.Part(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

// TestAnArchiveUnpacksToItsLimit: all parts that are read share the limit.
func TestAnArchiveUnpacksToItsLimit(t *testing.T) {
	a, b := bytes.Repeat([]byte("a"), 60_000), make([]byte, 60_000)
	if _, err := rand.Read(b); err != nil { // which Deflate makes no shorter
		t.Fatal(err)
	}
	for _, method := range []uint16{zip.Deflate, zip.Store} {
		file := packed(t, method, map[string][]byte{"a": a, "b": b})
		archive, err := bounded.OpenArchive(file, 130_000)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string][]byte{"a": a, "b": b} {
			if got, err := readPart(archive, name); err != nil || !bytes.Equal(got, want) {
				t.Errorf("method %d, part %s: %d bytes, %v", method, name, len(got), err)
			}
		}
		if _, err := readPart(archive, "c"); !errors.Is(err, bounded.ErrNoPart) {
			t.Errorf("a part that is not there: %v", err)
		}
		archive, _ = bounded.OpenArchive(file, 90_000)
		_, err = readPart(archive, "a")
		_, err2 := readPart(archive, "b")
		if beyond := (*bounded.TooMuch)(nil); err != nil || !errors.As(err2, &beyond) || beyond.Of != bounded.Unpacked {
			t.Errorf("method %d, two parts beyond the limit: %v, %v", method, err, err2)
		}
	}
}

// TestAPartIsNotReadAgainAndAgain: packed bytes count too, so parts that are the same bytes end.
func TestAPartIsNotReadAgainAndAgain(t *testing.T) {
	archive, err := bounded.OpenArchive(packed(t, zip.Store, map[string][]byte{"a": make([]byte, 1000)}), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	_, err = readPart(archive, "a")
	_, err2 := readPart(archive, "a")
	if beyond := (*bounded.TooMuch)(nil); err != nil || !errors.As(err2, &beyond) {
		t.Errorf("%v, %v", err, err2)
	}
}

// TestRecordsOfAText: a record is as long as its limit, with what its reader reads ahead.
func TestRecordsOfAText(t *testing.T) {
	line := strings.Repeat("x", 900) + "\n"
	limited := bounded.NewRecords(strings.NewReader(strings.Repeat(line, 100)+`"`+strings.Repeat(line, 100)), 20_000)
	r := csv.NewReader(limited)
	read := 0
	for {
		limited.Next()
		_, err := r.Read()
		if beyond := (*bounded.TooMuch)(nil); errors.As(err, &beyond) && beyond.Of == bounded.Piece {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		read++
	}
	if read != 100 {
		t.Errorf("%d records were read before the one that is too long", read)
	}
}

// TestPartsAreFoundByEqualNames: capitals, backslashes and a slash in front do not count. A name that two parts have, or that leads out of the file,
// makes the file unreadable.
func TestPartsAreFoundByEqualNames(t *testing.T) {
	one := func(names ...string) []byte {
		parts := map[string][]byte{}
		for _, name := range names {
			parts[name] = nil // a folder
			if !strings.HasSuffix(name, "/") {
				parts[name] = []byte(name)
			}
		}
		return packed(t, zip.Store, parts)
	}
	for _, name := range []string{"xl/Book.xml", "XL/BOOK.XML", `xl\Book.xml`, "/xl/book.xml", "./xl/book.xml", "xl//book.xml", "xl/other/../book.xml", `\xl\book.xml`} {
		archive, err := bounded.OpenArchive(one(name, "xl/", "xl/other"), 1000)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, asked := range []string{"xl/book.xml", "xl/BOOK.xml", `/xl\book.xml`, "xl/worksheets/../book.xml"} {
			r, err := archive.Part(asked)
			if err != nil {
				t.Errorf("%s, asked for as %s: %v", name, asked, err)
				continue
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != name {
				t.Errorf("%s, asked for as %s: %q, %v", name, asked, got, err)
			}
			archive, _ = bounded.OpenArchive(one(name), 1000)
		}
	}
	for _, names := range [][]string{{"xl/book.xml", "xl/Book.xml"}, {"xl/book.xml", `xl\book.xml`}, {"xl/book.xml", "/xl/book.xml"}, {"xl/book.xml", "xl/a/../book.xml"},
		{"../book.xml"}, {`..\book.xml`}, {"xl/../../book.xml"}, {"/../book.xml"}, {".."}} {
		if _, err := bounded.OpenArchive(one(names...), 1000); !errors.Is(err, bounded.ErrPartName) {
			t.Errorf("%q: %v", names, err)
		}
	}
	archive, err := bounded.OpenArchive(one("xl/book.xml"), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]error{"../xl/book.xml": bounded.ErrPartName, "xl/../../etc/passwd": bounded.ErrPartName, "etc/passwd": bounded.ErrNoPart, "": bounded.ErrNoPart, "xl/": bounded.ErrNoPart} {
		if _, err := archive.Part(asked); !errors.Is(err, want) {
			t.Errorf("part %q: %v, want %v", asked, err, want)
		}
	}
}

// TestTextsCountAsUTF8: a text in UTF-16 has more bytes in UTF-8, or fewer. Both are within the limit, and all texts share it.
func TestTextsCountAsUTF8(t *testing.T) {
	mark := []byte{0xff, 0xfe}
	asian := append(mark, inUTF16(strings.Repeat("漢", 20_000), binary.LittleEndian)...) // 40,000 bytes that are 60,000
	latin := append(mark[:2:2], inUTF16(strings.Repeat("x", 20_000), binary.LittleEndian)...)
	plain := []byte(strings.Repeat("x", 20_000))
	for _, c := range []struct {
		what  string
		most  int
		parts [][]byte
		fits  bool
	}{
		{"letters of three bytes", 60_001, [][]byte{asian}, true},
		{"letters of three bytes, one too many", 59_999, [][]byte{asian}, false},
		{"letters of one byte", 40_003, [][]byte{latin}, true},
		{"letters of one byte, too long as they are", 40_001, [][]byte{latin}, false},
		{"several texts", 80_001, [][]byte{asian, plain}, true},
		{"several texts, one too many", 79_999, [][]byte{asian, plain}, false},
		{"nothing", 1, [][]byte{nil}, true},
		{"a mark alone", 3, [][]byte{mark}, true},
	} {
		parts := map[string][]byte{}
		for i, content := range c.parts {
			parts[string(rune('a'+i))] = content
		}
		archive, err := bounded.OpenArchive(packed(t, zip.Deflate, parts), c.most)
		if err != nil {
			t.Fatal(err)
		}
		var last error
		for name := range parts {
			r, _, err := archive.Text(name)
			if err == nil {
				_, err = io.ReadAll(r)
			}
			last = errors.Join(last, err)
		}
		if beyond := (*bounded.TooMuch)(nil); c.fits && last != nil || !c.fits && (!errors.As(last, &beyond) || beyond.Of != bounded.Unpacked) {
			t.Errorf("%s: %v", c.what, last)
		}
	}
}
