package notify

import (
	"strconv"
	"strings"
	"unicode"
)

// Visible is a text as a person may be shown it: what steers a terminal, breaks a line or a table, turns the direction of writing
// or is not to be seen stands as an escape (\x1b, \n, \u202e). Text messages, and the names that they come from, are anybody's.
func Visible(s string) string {
	if !strings.ContainsFunc(s, hidden) && strings.ToValidUTF8(s, "") == s {
		return s
	}
	var b strings.Builder
	for _, r := range s { // an octet that is no UTF-8 becomes U+FFFD
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) }
