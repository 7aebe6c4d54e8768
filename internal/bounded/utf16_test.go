package bounded_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/paywatt/paywatt/internal/bounded"
)

// inUTF16 writes a text in UTF-16 without a mark.
func inUTF16(text string, order binary.AppendByteOrder) (out []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

// TestUTF16IsReadAsUTF8: in both orders, with letters of two units, and however the bytes come.
func TestUTF16IsReadAsUTF8(t *testing.T) {
	for _, text := range []string{"", "a", "Amina é € 漢 😀", "😀", strings.Repeat("é漢😀x", 10_000), "\ufffd\ufeff"} {
		for _, order := range []interface {
			binary.ByteOrder
			binary.AppendByteOrder
		}{binary.LittleEndian, binary.BigEndian} {
			file := inUTF16(text, order)
			for name, in := range map[string]io.Reader{
				"whole":                 bounded.NewUTF16(bytes.NewReader(file), order),
				"byte by byte":          bounded.NewUTF16(iotest.OneByteReader(bytes.NewReader(file)), order),
				"with its end":          bounded.NewUTF16(iotest.DataErrReader(bytes.NewReader(file)), order),
				"in odd pieces":         bounded.NewUTF16(iotest.HalfReader(bytes.NewReader(file)), order),
				"into one byte at once": iotest.OneByteReader(bounded.NewUTF16(bytes.NewReader(file), order)),
			} {
				if got, err := io.ReadAll(in); err != nil || string(got) != text {
					t.Errorf("%.20q %s: %.40q, %v", text, name, got, err)
				}
			}
		}
	}
}

// TestDamagedUTF16IsRefused: a half of a letter is not replaced.
func TestDamagedUTF16IsRefused(t *testing.T) {
	whole := inUTF16("😀", binary.LittleEndian)
	long := inUTF16(strings.Repeat("x", 20_000), binary.LittleEndian)
	for name, file := range map[string][]byte{
		"an odd number of bytes": append(inUTF16("ab", binary.LittleEndian), 'x'),
		"one byte":               []byte("x"),
		"a first half":           whole[:2],
		"a first half and a bit": whole[:3],
		"a second half":          whole[2:],
		"two first halves":       append(whole[:2:2], whole[:2]...),
		"a half before a letter": append(whole[:2:2], 'a', 0),
		"far behind":             append(long, whole[:2]...),
	} {
		for _, in := range []io.Reader{bytes.NewReader(file), iotest.OneByteReader(bytes.NewReader(file)), iotest.DataErrReader(bytes.NewReader(file))} {
			if got, err := io.ReadAll(bounded.NewUTF16(in, binary.LittleEndian)); !errors.Is(err, bounded.ErrUTF16) {
				t.Errorf("%s: %.40q, %v", name, got, err)
			}
		}
	}
	broken := errors.New("the disk is gone")
	if _, err := io.ReadAll(bounded.NewUTF16(iotest.ErrReader(broken), binary.LittleEndian)); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// FuzzUTF16 compares the reader with that of the standard library on any bytes, in any pieces.
func FuzzUTF16(f *testing.F) {
	for _, text := range []string{"", "x", "é漢😀", "<a b='c'/>"} {
		f.Add(inUTF16(text, binary.LittleEndian), false, 1)
		f.Add(append(inUTF16(text, binary.BigEndian), 0xd8), true, 3)
	}
	f.Fuzz(func(t *testing.T, file []byte, isBig bool, piece int) {
		var order binary.ByteOrder = binary.LittleEndian
		if isBig {
			order = binary.BigEndian
		}
		var units []uint16
		for i := 0; i+1 < len(file); i += 2 {
			units = append(units, order.Uint16(file[i:]))
		}
		want := string(utf16.Decode(units))
		isWhole := len(file)%2 == 0 && slices.Equal(utf16.Encode([]rune(want)), units)
		var got bytes.Buffer
		_, err := io.CopyBuffer(struct{ io.Writer }{&got}, bounded.NewUTF16(bytes.NewReader(file), order), make([]byte, 1+max(0, piece)%100))
		if isWhole != (err == nil) || isWhole && got.String() != want {
			t.Errorf("%x: %q, %v, want %q", file, got.String(), err, want)
		}
	})
}
