package catalogue

import (
	"slices"
	"testing"
)

// complete are the languages that lack no text. A new language begins with a part: a page shows the English text where it has none.
var complete = []string{"fr", "sw", "ar"}

// latinOnly are sections that a language without Latin letters does not need: receipts by SMS are in English there.
var latinOnly = []string{"receipts.short"}

// TestMissingTranslationsAreCounted lists what the languages of the console lack. Whoever adds an English text translates it into
// the complete ones.
func TestMissingTranslationsAreCounted(t *testing.T) {
	languages, err := Languages("language")
	if err != nil || len(languages) < 2 {
		t.Fatal(languages, err)
	}
	for _, area := range []string{"pages", "names", "receipts", "refusals", "alarms", "diagnosis"} {
		has, err := Languages(area)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range languages[1:] {
			var f File
			if slices.Contains(has, code) {
				f = file(t, code, area)
			}
			var missing []string
			for _, s := range file(t, English, area).Sections {
				for _, text := range s.Texts {
					_, is := f.Section(s.Name).Text(text.Name)
					shared := area == "refusals" && (text.Name == "code" || s.Name == "shared")
					if !is && !shared && (code != "ar" || !slices.Contains(latinOnly, area+"."+s.Name)) {
						missing = append(missing, s.Name+"."+text.Name)
					}
				}
			}
			t.Logf("figures: %s/%s.toml lacks %d texts", code, area, len(missing))
			if len(missing) > 0 && slices.Contains(complete, code) {
				t.Errorf("%s/%s.toml lacks %d texts. Translate them: %q", code, area, len(missing), missing[:min(len(missing), 60)])
			}
		}
	}
}
