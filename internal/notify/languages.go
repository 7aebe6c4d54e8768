package notify

import "strings"

// Language is a language in which messages are written. The zero value is English.
type Language uint8

// The languages, in the order of the tables.
const (
	English Language = iota
	French
	Swahili
	Spanish
	Portuguese

	languages // how many there are
)

// languageCodes are the languages as customers' rows have them.
var languageCodes = [languages]string{English: "en", French: "fr", Swahili: "sw", Spanish: "es", Portuguese: "pt"}

// LanguageOf is the language of a customer by a language tag ("sw", "fr-CI", "pt_MZ"), upper or lower case. A language that
// has no table gives English and false: a message that is not understood well beats none.
func LanguageOf(tag string) (Language, bool) {
	code, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-"), "-")
	for l, have := range languageCodes {
		if have == code {
			return Language(l), true
		}
	}
	return English, false
}

// Languages are all languages, in the order of the tables.
func Languages() []Language {
	out := make([]Language, languages)
	for i := range out {
		out[i] = Language(i)
	}
	return out
}

// String is the language's code: "en", "fr", "sw", "es" or "pt".
func (l Language) String() string {
	if l < languages {
		return languageCodes[l]
	}
	return languageCodes[English]
}
