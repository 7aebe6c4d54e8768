package panel

import "github.com/paywatt/paywatt/meter"

// text names a text of the meter, whose constants are made from the catalogue.
type text uint8

// languages is how many languages there are: those of package meter.
const languages = meter.French + 1

// say returns a text in a language; one this version does not speak is English.
func say(l meter.Language, t text) string {
	if l >= languages {
		l = meter.English
	}
	return words[l][t]
}
