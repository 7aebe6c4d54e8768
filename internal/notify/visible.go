package notify

import (
	"strconv"
	"strings"
	"unicode"
)

// Visible makes a text safe to show to a person. Characters that control a terminal, break a line or a table, change the
// direction of writing or are invisible become escapes (\x1b, \n, \u202e). Anybody can send text messages, under any name.
func Visible(s string) string {
	if !strings.ContainsFunc(s, hidden) && strings.ToValidUTF8(s, "") == s {
		return s
	}
	var b strings.Builder
	for _, r := range s { // an octet that is not UTF-8 becomes U+FFFD
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
