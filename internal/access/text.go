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
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Cf)
}

// Printable reports whether a name that machines compare has only the printable characters of ASCII.
func Printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// OneLine reports whether a person's text, in any script, has at most n characters and stays on its line.
func OneLine(s string, n int) bool { return IsLine(s) && utf8.RuneCountInString(s) <= n }
