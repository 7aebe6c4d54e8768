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

// PlainDigits writes the decimal digits of every script, such as Arabic and Persian ones, as 0 to 9. It drops characters that nobody sees, such as
// the marks for the direction of a text, which come along when a number is copied.
func PlainDigits(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < unicode.MaxASCII:
			return r
		case unicode.Is(unicode.Nd, r):
			return DigitOf(r)
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text)
}

// DigitOf returns a decimal digit of any script in ASCII. In Unicode, the digits of a script follow each other by value, and every range of the
// table begins with a zero.
func DigitOf(r rune) rune {
	for _, in := range unicode.Nd.R16 {
		if r <= rune(in.Hi) {
			return '0' + (r-rune(in.Lo))%10
		}
	}
	for _, in := range unicode.Nd.R32 {
		if r <= rune(in.Hi) {
			return '0' + (r-rune(in.Lo))%10
		}
	}
	return r
}

// Dialled returns the digits of a text that may be a telephone or meter number, because it has only digits and separators. For any other text
// it returns "". Digits of other scripts become 0 to 9.
func Dialled(text string) string {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()/+", r) {
			return -1
		}
		return r
	}, PlainDigits(text))
	if strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}

// PhoneEnd is how many last digits two ways to write a telephone number must share.
const PhoneEnd = 8

// LastDigits returns the digits by which a telephone number is looked up; empty for a text that has too few.
func LastDigits(phone string) string {
	digits := Dialled(phone)
	if len(digits) < PhoneEnd {
		return ""
	}
	return digits[len(digits)-PhoneEnd:]
}

// BareDigits returns the digits of a telephone number without leading zeros, which [SamePhone] compares; empty for a text that has too few.
func BareDigits(phone string) string {
	digits := strings.TrimLeft(Dialled(phone), "0")
	if len(digits) < PhoneEnd {
		return ""
	}
	return digits
}

// SamePhone reports whether two texts are the same telephone number. Either may lack the country.
func SamePhone(a, b string) bool {
	a, b = BareDigits(a), BareDigits(b)
	return a != "" && b != "" && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a))
}

// SearchText is what a search compares with typed words: the name in its folded form, and the digits of the telephone number behind a "+".
func (c Customer) SearchText() string {
	return strings.TrimSpace(Folded(c.Name) + " +" + Dialled(c.Phone))
}
