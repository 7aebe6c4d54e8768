package panel

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
)

// gsm is the basic table of the GSM alphabet, as far as our languages use it: a septet a character.
const gsm = " !\"#$%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + "éèàùÉçñ"

// TestTheCatalogueIsComplete: every text is there in every language, fits its room, and is of the characters that its
// medium has.
func TestTheCatalogueIsComplete(t *testing.T) {
	for i := none + 1; i < textCount; i++ {
		e := catalogue[i]
		if e.room == 0 {
			t.Errorf("text %d (after %q) has no entry", i, catalogue[i-1].in[meter.English])
			continue
		}
		for l := meter.English; l <= meter.French; l++ {
			said := e.in[l]
			switch {
			case said == "" || strings.TrimSpace(said) != said:
				t.Errorf("%q: %s says %q", e.in[meter.English], l, said)
			case e.room > Width && strings.Trim(said, gsm) != "":
				t.Errorf("%s %q: %q is not in the GSM alphabet", l, said, strings.Trim(said, gsm))
			case e.room <= Width && strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r > '}' || r == '\\' }):
				t.Errorf("%s %q: the display has no such character", l, said)
			case e.room <= Width && len(said) > e.room:
				t.Errorf("%s %q has %d characters, room for %d", l, said, len(said), e.room)
			case strings.Count(said, "%s") != strings.Count(e.in[meter.English], "%s"):
				t.Errorf("%s %q has other figures than %q", l, said, e.in[meter.English])
			}
		}
	}
	if said := say(languages+7, connected); said != "CONNECTED" {
		t.Errorf("a language nobody speaks says %q", said)
	}
}

// TestMessagesFitOneSMS puts the longest figures there are into every message.
func TestMessagesFitOneSMS(t *testing.T) {
	for i := none + 1; i < textCount; i++ {
		for l := meter.English; l <= meter.French; l++ {
			if e := catalogue[i]; e.room > Width {
				const figure = "-1000000.0"
				if n := septets(with(l, i, figure, figure)); n > e.room {
					t.Errorf("%s %q takes %d septets, at most %d", l, e.in[l], n, e.room)
				}
			}
		}
	}
}
