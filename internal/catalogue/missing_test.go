package catalogue

import (
	"slices"
	"testing"
)

// untranslated is how many texts of an area a language of the console may lack. The console shows the English text in their place. Lower a
// figure when texts are translated. Whoever adds many English texts translates them, or raises the figure and says so.
var untranslated = map[string]map[string]int{
	"pages":    {"fr": 60, "sw": 60, "ar": 90},
	"names":    {"fr": 10, "sw": 10, "ar": 10},
	"receipts": {"fr": 5, "sw": 5, "ar": 16}, // receipts by SMS are in English where letters are not Latin
	"refusals": {"fr": 60, "sw": 60, "ar": 60},
}

// TestMissingTranslationsAreCounted lists what the languages of the console lack, and fails if that is more than the figures above.
func TestMissingTranslationsAreCounted(t *testing.T) {
	languages, err := Languages("language")
	if err != nil || len(languages) < 2 {
		t.Fatal(languages, err)
	}
	for area, limits := range untranslated {
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
					if _, is := f.Section(s.Name).Text(text.Name); !is && (area != "refusals" || text.Name != "code" && s.Name != "shared") {
						missing = append(missing, s.Name+"."+text.Name)
					}
				}
			}
			t.Logf("figures: %s/%s.toml lacks %d texts", code, area, len(missing))
			if len(missing) > limits[code] {
				t.Errorf("%s/%s.toml lacks %d texts, at most %d may be missing: %q", code, area, len(missing), limits[code], missing[:min(len(missing), 60)])
			}
		}
	}
}
