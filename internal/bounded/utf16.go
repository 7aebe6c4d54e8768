package bounded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrUTF16 says that a text is not UTF-16: a half of a letter stands alone.
var ErrUTF16 = errors.New("the text is not UTF-16")

// wideReader reads a text in UTF-16 as UTF-8.
type wideReader struct {
	in        io.Reader
	low, high int    // where the two bytes of a unit are
	units     []byte // what was read; the first held bytes of it are not decoded yet
	held      int
	buffer    []byte // for text
	text      []byte // what was decoded and not given yet
	ended     error
}

// unitsAtOnce is how many bytes of UTF-16 are decoded at once.
const unitsAtOnce = 16 << 10

// NewUTF16 returns a reader that turns a text in UTF-16 into UTF-8. The byte order mark was read before. The reader is strict: a letter that it
// replaced could be one of a name or a number.
func NewUTF16(in io.Reader, order binary.ByteOrder) io.Reader {
	u := &wideReader{in: in, high: 1, units: make([]byte, unitsAtOnce), buffer: make([]byte, 0, unitsAtOnce/2*utf8.UTFMax)}
	if order == binary.BigEndian {
		u.low, u.high = 1, 0
	}
	return u
}

// orderOf returns the order of bytes that a text's mark of UTF-16 names, or nil for a text without one.
func orderOf(head []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return binary.LittleEndian
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return binary.BigEndian
	}
	return nil
}

// Read gives the text in UTF-8.
func (w *wideReader) Read(p []byte) (int, error) {
	if len(w.text) == 0 && w.ended == nil {
		w.fillText()
	}
	n := copy(p, w.text)
	w.text = w.text[n:]
	if n == 0 && len(w.text) == 0 {
		return 0, w.ended
	}
	return n, nil
}

// fillText reads and decodes more of the text.
func (w *wideReader) fillText() {
	n, err := w.in.Read(w.units[w.held:])
	read := w.units[:w.held+n]
	isLast := errors.Is(err, io.EOF)
	used, ok := w.decodeUnits(read, isLast)
	w.held = copy(w.units, read[used:])
	if !ok || isLast && w.held > 0 {
		err = ErrUTF16
	}
	w.ended = err
}

// decodeUnits decodes whole letters and returns how many bytes they had. Half a letter at the end waits for the next bytes.
// If these bytes are the last ones, it is an error.
func (w *wideReader) decodeUnits(units []byte, isLast bool) (used int, ok bool) {
	text := w.buffer[:0]
	ok = true
	for used+1 < len(units) && ok {
		letter, size := w.readUnit(units[used:]), 2
		if utf16.IsSurrogate(letter) {
			if used+3 >= len(units) {
				ok = !isLast
				break
			}
			letter, size = utf16.DecodeRune(letter, w.readUnit(units[used+2:])), 4
			ok = letter != utf8.RuneError
		}
		if ok {
			text = utf8.AppendRune(text, letter)
			used += size
		}
	}
	w.text = text
	return used, ok
}

// readUnit returns the first 16 bits.
func (w *wideReader) readUnit(units []byte) rune { return rune(units[w.high])<<8 | rune(units[w.low]) }
