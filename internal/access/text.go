package access

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsText reports whether s may be the text of a message: UTF-8 in which only the ends of lines are control characters, and nothing changes
// the direction of writing. Every database can store it.
func IsText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unfit(r) && r != '\n' && r != '\r' })
}

// IsLine reports whether s is a text that stays on its line. The adapters check every text but that of a message before they call a use
// case.
func IsLine(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unfit) }

// AreLines reports whether the names and the values of a form, or of the query of an address, are lines of text.
func AreLines(form map[string][]string) bool {
	for name, values := range form {
		if !IsLine(name) {
			return false
		}
		for _, v := range values {
			if !IsLine(v) {
				return false
			}
		}
	}
	return true
}

// The invisible characters that words of Persian, Hindi and other languages need.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// unfit reports whether a character ends the line, controls a printer or a terminal, changes the direction of writing, or cannot be seen: a
// name with it could look like another name.
func unfit(r rune) bool {
	if r == zeroWidthNonJoiner || r == zeroWidthJoiner {
		return false
	}
	return unicode.IsControl(r) || endsLine(r) || unseen(r)
}

// endsLine reports whether a character separates lines or paragraphs, or is a tab.
func endsLine(r rune) bool {
	return unicode.IsControl(r) && unicode.IsSpace(r) || unicode.In(r, unicode.Zl, unicode.Zp)
}

// unseen reports whether a character only marks a direction, a place for a break or the like, so that nobody sees it.
func unseen(r rune) bool {
	return unicode.In(r, unicode.Cf) && r != zeroWidthNonJoiner && r != zeroWidthJoiner
}

// Unmark removes from a line what people paste without seeing it: marks of direction, characters without width, and the tabs and ends of lines
// around a cell of a table. Inside the line, a tab or an end of a line becomes a blank. All other control characters stay, and [IsLine]
// still refuses them. A text that is not UTF-8 stays as it is.
func Unmark(s string) string {
	plain := strings.Map(func(r rune) rune {
		if endsLine(r) {
			return ' '
		}
		return r
	}, UnmarkText(s))
	if plain == s || !utf8.ValidString(s) {
		return s
	}
	return strings.TrimSpace(plain)
}

// UnmarkText removes the marks and characters without width from a text that may have several lines and tabs.
func UnmarkText(s string) string {
	if !utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, s)
}

// Printable reports whether a name that machines compare has only the printable characters of ASCII.
func Printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// OneLine reports whether a person's text, in any script, has at most n characters and stays on its line.
func OneLine(s string, n int) bool { return IsLine(s) && utf8.RuneCountInString(s) <= n }
