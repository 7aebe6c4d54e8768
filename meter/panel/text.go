package panel

import "github.com/paywatt/paywatt/meter"

// text identifies a text of the meter; its constants are generated from the catalogue.
type text uint8

// languages is the number of languages of package meter.
const languages = meter.French + 1

// say returns a text in a language; an unknown language gives English.
func say(l meter.Language, t text) string {
	if l >= languages {
		l = meter.English
	}
	return words[l][t]
}
