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
	Hausa

	languages // number of languages
)

// languageCodes are the codes of the languages in customers' rows.
var languageCodes = [languages]string{English: "en", French: "fr", Swahili: "sw", Spanish: "es", Portuguese: "pt", Hausa: "ha"}

// languageNames are the English names of the languages.
var languageNames = [languages]string{English: "English", French: "French", Swahili: "Swahili", Spanish: "Spanish", Portuguese: "Portuguese", Hausa: "Hausa"}

// LanguageOf returns the language of a customer by a language tag ("sw", "fr-CI", "pt_MZ"), upper or lower case. A language without a table
// gives English and false: a message in a foreign language is better than none.
func LanguageOf(tag string) (Language, bool) {
	code, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-"), "-")
	for l, have := range languageCodes {
		if have == code {
			return Language(l), true
		}
	}
	return English, false
}

// Languages returns all languages, in the order of the tables.
func Languages() []Language {
	out := make([]Language, languages)
	for i := range out {
		out[i] = Language(i)
	}
	return out
}

// String returns the language's code: "en", "fr", "sw", "es", "pt" or "ha".
func (l Language) String() string {
	if l < languages {
		return languageCodes[l]
	}
	return languageCodes[English]
}

// Draft reports whether no good speaker of the language has read its texts. Every choice of a language must show it.
func (l Language) Draft() bool { return l >= languages || drafts[l] }

// Name returns the language's name: "English".
func (l Language) Name() string {
	if l < languages {
		return languageNames[l]
	}
	return languageNames[English]
}

// Label returns the language as an operator's list of choices shows it: "English (en)", "Hausa (ha), draft".
func (l Language) Label() string {
	return l.Name() + " (" + l.String() + ")" + onlyIf(l.Draft(), ", draft")
}

// LanguageChoices lists the codes in one line, with the drafts apart.
func LanguageChoices() string {
	var signed, drafts []string
	for _, l := range Languages() {
		if l.Draft() {
			drafts = append(drafts, l.String())
		} else {
			signed = append(signed, l.String())
		}
	}
	return strings.Join(signed, ", ") + onlyIf(len(drafts) > 0, "; drafts that no native speaker has read: "+strings.Join(drafts, ", "))
}
