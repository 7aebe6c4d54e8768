package sheet

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// decode turns a file into text. Spreadsheets write UTF-8 and UTF-16, with or without a byte-order mark, and as plain CSV the code page of
// Windows. What is valid UTF-8 is read as that; old reports that the letters were read as Windows-1252, which is a guess.
func decode(file []byte) (text string, old bool, no refusal.Refusal) {
	switch {
	case bytes.HasPrefix(file, []byte{0xff, 0xfe}):
		text, no = wide(file[2:], binary.LittleEndian)
		return text, false, no
	case bytes.HasPrefix(file, []byte{0xfe, 0xff}):
		text, no = wide(file[2:], binary.BigEndian)
		return text, false, no
	}
	if order, ok := unmarkedWide(file); ok {
		text, no = wide(file, order)
		return text, false, no
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	null := bytes.IndexByte(file, 0)
	switch at, mixed := firstFault(file); {
	case null >= 0 && at < 0 && bytes.IndexByte(file[:null], '\n') >= 0: // the headings are text, and so is the rest
		return "", false, refuse.SheetNull(strconv.Itoa(lineAt(file, null)))
	case null >= 0:
		return "", false, refuse.SheetNotText()
	case at < 0:
		return string(file), false, refusal.Refusal{}
	case !mixed:
		if text, ok := windows1252(file); ok {
			return text, true, refusal.Refusal{}
		}
		fallthrough
	default:
		return "", false, refuse.SheetNotUtf8(strconv.Itoa(lineAt(file, at)))
	}
}

// wide reads UTF-16.
func wide(file []byte, order binary.ByteOrder) (string, refusal.Refusal) {
	if len(file)%2 != 0 {
		return "", refuse.SheetNotText()
	}
	var text strings.Builder
	text.Grow(len(file) / 2)
	for i := 0; i < len(file); i += 2 {
		letter := rune(order.Uint16(file[i:]))
		if utf16.IsSurrogate(letter) {
			other := rune(0)
			if i+2 < len(file) {
				other = rune(order.Uint16(file[i+2:]))
			}
			if letter = utf16.DecodeRune(letter, other); letter != utf8.RuneError {
				i += 2
			}
		}
		if letter == 0 {
			return "", refuse.SheetNotText()
		}
		text.WriteRune(letter)
	}
	return text.String(), refusal.Refusal{}
}

// beginning is how many bytes of a file tell UTF-16 without a mark: headings are in Latin letters, so every other byte is zero.
const beginning = 16

func unmarkedWide(file []byte) (binary.ByteOrder, bool) {
	if len(file) < beginning {
		return nil, false
	}
	var zeros [2]int
	for i, b := range file[:beginning] {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch zeros {
	case [2]int{beginning / 2, 0}:
		return binary.BigEndian, true
	case [2]int{0, beginning / 2}:
		return binary.LittleEndian, true
	}
	return nil, false
}

// firstFault returns the place of the first byte that is not UTF-8, or -1. The file is mixed if other letters in it are UTF-8, or if it ends in
// the middle of such a letter.
func firstFault(file []byte) (at int, mixed bool) {
	at = -1
	for i := 0; i < len(file); {
		r, n := utf8.DecodeRune(file[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			if at < 0 {
				at = i
			}
			mixed = mixed || !utf8.FullRune(file[i:])
		case n > 1:
			mixed = true
		}
		i += n
	}
	return at, mixed && at >= 0
}

// lineAt returns the line of a byte.
func lineAt(file []byte, at int) int { return bytes.Count(file[:at], []byte("\n")) + 1 }

// high has the characters of the bytes 0x80 to 0x9f of Windows-1252; a blank stands for a byte that it does not have. All other bytes are
// those of Unicode.
const high = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ"

func windows1252(file []byte) (string, bool) {
	var b strings.Builder
	letters := []rune(high)
	size := len(file)
	for _, c := range file {
		if c >= utf8.RuneSelf {
			size += 2 // at most three bytes a letter
		}
	}
	b.Grow(size)
	for _, c := range file {
		r := rune(c)
		if c >= 0x80 && c < 0xa0 {
			r = letters[c-0x80]
			if r == ' ' {
				return "", false
			}
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

// firstForeign returns the first value with a letter outside ASCII.
func (t Table) firstForeign() string {
	foreign := func(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) }
	for _, row := range append([]Row{{Cells: t.Header}}, t.Rows...) {
		for _, c := range row.Cells {
			if foreign(c) {
				return c
			}
		}
	}
	return ""
}
