package registry

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Folded returns a text as a search compares it: small letters without accents, and single blanks between the words. Letters that look like a
// letter with a hook or a stroke become that letter, because many keyboards do not have them.
func Folded(text string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || r == 'ـ' { // accents and vowel signs; the Arabic stroke that lengthens a word
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(text))
	return strings.Join(strings.Fields(alike().Replace(plain)), " ")
}

func alike() *strings.Replacer {
	return strings.NewReplacer("ɓ", "b", "ɗ", "d", "ƙ", "k", "ƴ", "y", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ß", "ss", "ı", "i",
		"أ", "ا", "إ", "ا", "آ", "ا", "ى", "ي", "ة", "ه", "’", "", "'", "", "ʼ", "")
}

// Dialled returns the digits of a text that may be a telephone or meter number, because it has only digits and separators. For any other text
// it returns "".
func Dialled(text string) string {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()/+", r) {
			return -1
		}
		return r
	}, text)
	if strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}

// SearchText is what a search compares with typed words: the name in its folded form, and the digits of the telephone number behind a "+".
func (c Customer) SearchText() string {
	return strings.TrimSpace(Folded(c.Name) + " +" + Dialled(c.Phone))
}
