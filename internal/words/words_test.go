package words_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/words"
)

// TestALanguageIsReadWhenSomebodyNeedsIt adds a language that has one text. What it lacks, or what cannot be read, is in English.
func TestALanguageIsReadWhenSomebodyNeedsIt(t *testing.T) {
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	err = all.Add("de", func(area string) (catalogue.File, error) {
		read = append(read, area)
		switch area {
		case "language":
			return catalogue.Read(catalogue.English, area)
		case "pages":
			return catalogue.File{Sections: []catalogue.Section{{Name: "menu", Texts: []catalogue.Text{{Name: "alarms", Say: "Alarme"}}}}}, nil
		}
		return catalogue.File{}, errors.New("no such file")
	})
	if err != nil {
		t.Fatal(err)
	}
	german := all.For("de-AT, fr;q=0.5")
	if want := []string{"language"}; !slices.Equal(read, want) {
		t.Errorf("before somebody needs a text, these areas are read: %q, want %q", read, want)
	}
	if said := german.MenuAlarms(); german.Code() != "de" || said != "Alarme" {
		t.Errorf("in %s: %q", german.Code(), said)
	}
	if said, want := german.AlarmsTitle(), all.English().AlarmsTitle(); said != want {
		t.Errorf("a text that is missing in the language: %q, want %q", said, want)
	}
	if said, want := german.Name("mode", "prepay_token"), all.English().Name("mode", "prepay_token"); said != want {
		t.Errorf("a name of an area that cannot be read: %q, want %q", said, want)
	}
	if want := 1 + len(words.Areas()); len(read) != want {
		t.Errorf("areas are read %d times, want once each: %q", len(read), read)
	}
}
