package access

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsText reports whether every database can store s as text: PostgreSQL takes only UTF-8 without zero bytes. The adapters
// check this before they call a use case.
func IsText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// Printable reports whether a name that machines compare has only the printable characters of ASCII.
func Printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// OneLine reports whether a person's text, in any script, has at most n characters and stays on its line. No character may end the line,
// control a printer or reverse the direction.
func OneLine(s string, n int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= n && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}
