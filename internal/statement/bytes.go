package statement

// The bytes of a file: which encoding they are in, and where its lines end. Banks and spreadsheets differ in both.

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// headBytes is how many bytes of a file tell its encoding, its line ends and its format.
const headBytes = 16 << 10

// decoded returns a file as it is, or as UTF-8 if it is in UTF-16, and without a byte-order mark before the first letter.
func decoded(file io.Reader) *bufio.Reader {
	in := bufio.NewReaderSize(file, headBytes)
	head, _ := in.Peek(4) // a shorter file has a shorter head
	order, mark := encodingOf(head)
	_, _ = in.Discard(mark)
	if order == nil {
		return in
	}
	return bufio.NewReaderSize(&wideReader{in: in, order: order}, headBytes)
}

// encodingOf finds out the byte order of UTF-16 from the first four bytes of a file, and how many bytes its mark has. The order of any other
// encoding is nil. Without a mark, the zero bytes beside the first two letters tell: statements begin with letters of ASCII.
func encodingOf(head []byte) (order binary.ByteOrder, mark int) {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return binary.LittleEndian, 2
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return binary.BigEndian, 2
	case bytes.HasPrefix(head, []byte("\ufeff")):
		return nil, len("\ufeff")
	case len(head) < 4:
		return nil, 0
	case head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return binary.LittleEndian, 0
	case head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return binary.BigEndian, 0
	}
	return nil, 0
}

// wideReader turns UTF-16 into UTF-8. A half of a letter that has no other half becomes the replacement character.
type wideReader struct {
	in    *bufio.Reader
	order binary.ByteOrder
	rest  []byte // letters that the last Read had no room for
}

func (w *wideReader) Read(p []byte) (int, error) {
	for len(w.rest) < min(len(p), headBytes) {
		letter, err := w.letter()
		if err != nil && len(w.rest) == 0 {
			return 0, err
		}
		if err != nil {
			break
		}
		w.rest = utf8.AppendRune(w.rest, letter)
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

// letter reads one letter: one unit of 16 bits, or two that belong together.
func (w *wideReader) letter() (rune, error) {
	unit, err := w.unit()
	if err != nil || !utf16.IsSurrogate(unit) {
		return unit, err
	}
	next, _ := w.in.Peek(2)
	if len(next) < 2 {
		return utf8.RuneError, nil
	}
	both := utf16.DecodeRune(unit, rune(w.order.Uint16(next)))
	if both != utf8.RuneError {
		_, _ = w.in.Discard(2)
	}
	return both, nil
}

// unit reads 16 bits. A last byte that stands alone is a damaged end, which the replacement character shows.
func (w *wideReader) unit() (rune, error) {
	var two [2]byte
	n, err := io.ReadFull(w.in, two[:])
	if n == 1 {
		return utf8.RuneError, nil
	}
	return rune(w.order.Uint16(two[:])), err
}

// lineEnd returns what ends the lines of a file: a line feed, or only carriage returns, or @@ as in FinTS. A carriage return before a line feed
// belongs to the line and is cut off later.
func lineEnd(head []byte) string {
	switch {
	case bytes.IndexByte(head, '\n') >= 0:
		return "\n"
	case bytes.IndexByte(head, '\r') >= 0:
		return "\r"
	case bytes.Contains(head, []byte("@@:")):
		return "@@"
	}
	return "\n"
}

// splitLines is [bufio.ScanLines] for any line end.
func splitLines(end string) bufio.SplitFunc {
	return func(data []byte, last bool) (int, []byte, error) {
		if at := bytes.Index(data, []byte(end)); at >= 0 {
			return at + len(end), data[:at], nil
		}
		if last && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	}
}

// isFrame reports whether a letter before a line has no meaning: banks frame their messages with control characters, and programs that join
// files leave byte-order marks in the middle.
func isFrame(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f || c == '\ufeff' }

// isNoise is isFrame with blanks.
func isNoise(c rune) bool { return isFrame(c) || c == ' ' || c == '\t' }

// trimNoise removes blanks, control characters and byte-order marks from both ends of a line.
func trimNoise(line string) string { return strings.TrimFunc(line, isNoise) }
