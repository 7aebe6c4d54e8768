package panel

import (
	"strings"

	"github.com/paywatt/paywatt/meter"
)

// languages is how many languages there are: those of package meter.
const languages = meter.French + 1

// say returns a text in a language; one this version does not speak is English.
func say(l meter.Language, t text) string {
	if l >= languages {
		l = meter.English
	}
	return catalogue[t].in[l]
}

// with returns a text with its figures in.
func with(l meter.Language, t text, figures ...string) string {
	said := say(l, t)
	for _, f := range figures {
		said = strings.Replace(said, "%s", f, 1)
	}
	return said
}
