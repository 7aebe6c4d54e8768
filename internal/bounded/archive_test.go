package bounded_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
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
