package registry

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Folded returns a text as a search compares it: small letters without accents, and single blanks between the words. Letters that look like a
// letter with a hook or a stroke become that letter, because many keyboards do not have them.
func Folded(text string) string {
	var plain strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if unicode.Is(unicode.Mn, r) || r == 'ـ' { // accents and vowel signs; the Arabic stroke that lengthens a word
			continue
		}
		plain.WriteString(alike(unicode.ToLower(r)))
	}
	return strings.Join(strings.Fields(plain.String()), " ")
}

// alike returns what keyboards have for a letter. Lists fold thousands of names, so it is a switch and no table that is built for each.
func alike(r rune) string {
	switch r {
	case 'ɓ':
		return "b"
	case 'ɗ', 'đ', 'ð':
		return "d"
	case 'ƙ':
		return "k"
	case 'ƴ':
		return "y"
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'þ':
		return "th"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ß':
		return "ss"
	case 'ı':
		return "i"
	case 'أ', 'إ', 'آ':
		return "ا"
	case 'ى':
		return "ي"
	case 'ة':
		return "ه"
	case '’', '\'', 'ʼ':
		return ""
	}
	return string(r)
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
