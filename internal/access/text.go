package access

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsText reports whether every database can keep s as text: PostgreSQL takes no zero byte and nothing but UTF-8. Whoever lets
// requests in asks before a use case does.
func IsText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// Printable reports whether a name that machines compare has only the printable characters of ASCII.
func Printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// OneLine reports whether what a person says, in any writing, has at most n characters and stays on its line: none that
// ends it, that a printer obeys, or that turns the rest of it around.
func OneLine(s string, n int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= n && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}
