package registry

import "slices"

// MaxPasted bounds a text in which a token is looked for, in bytes: a message of two parts.
const MaxPasted = 320

// TokenIn finds the one token in a pasted text, such as a message: 20 digits, together or in groups of four with a blank or a dash between
// them. A text with two tokens names none.
func TokenIn(text string) (digits string, found bool) {
	var all []string
	for i := range text {
		if i > 0 && isDigit(text[i-1]) {
			continue
		}
		if d := tokenAt(text[i:]); d != "" && !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	if len(all) != 1 {
		return "", false
	}
	return all[0], true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// tokenAt returns the token that a text begins with; empty for none.
func tokenAt(text string) string {
	var d []byte
	grouped, i := false, 0
	for ; len(d) < TokenDigits && i < len(text); i++ {
		if len(d) > 0 && len(d)%4 == 0 && (grouped || len(d) == 4) && (text[i] == ' ' || text[i] == '-') {
			grouped = true
			i++
		} else if grouped && len(d)%4 == 0 {
			return ""
		}
		if i == len(text) || !isDigit(text[i]) {
			return ""
		}
		d = append(d, text[i])
	}
	if len(d) < TokenDigits || i < len(text) && isDigit(text[i]) {
		return ""
	}
	return string(d)
}
