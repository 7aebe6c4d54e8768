package meter

import "strings"

// Texts are the texts of a configuration document that the display shows. No decision depends on them, so Config has no
// field for them: the host stores them beside the configuration that is in force.
type Texts struct {
	// Tariff is the text of the tariff's page, Help that of the help page. Each is empty or fits two lines of 16 characters.
	Tariff, Help string
}

// MaxText is the greatest length of a text for the display: two lines of the small display.
const MaxText = 32

// The keys of the texts in a document.
const (
	keyTariffText = "tariff_text"
	keyHelpText   = "help_text"
)

// TextsOf returns the texts of a document that NewConfig has accepted.
func TextsOf(doc map[string]any) Texts {
	words := func(key string) string { s, _ := doc[key].(string); return s }
	return Texts{Tariff: words(keyTariffText), Help: words(keyHelpText)}
}

// Displays reports whether every display can show a character.
func Displays(r rune) bool { return r >= ' ' && r <= '}' && r != '\\' }

// displayText returns a key whose value is a text for the display.
func displayText(name, about string) setting {
	return setting{
		name, about + "; at most 32 characters of ASCII without \\ and ~",
		func(_ *Config, v any) bool {
			s, ok := v.(string)
			return ok && len(s) <= MaxText && strings.IndexFunc(s, func(r rune) bool { return !Displays(r) }) < 0
		},
		func(*Config) bool { return true },
	}
}
