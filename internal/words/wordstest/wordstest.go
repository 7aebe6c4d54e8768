// Package wordstest gives tests the texts of the catalogue.
package wordstest

import (
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/words"
)

// English returns the texts in English.
func English(t testing.TB) *words.Texts {
	t.Helper()
	return Languages(t).English()
}

// opened is shared by all tests of a binary, because reading a language takes some hundredths of a second.
var opened = sync.OnceValues(words.Open)

// Languages returns the texts of all languages. The caller must not change them.
func Languages(t testing.TB) *words.Languages {
	t.Helper()
	all, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Pseudo is the code of the pseudo-language: "art" stands for artificial languages. Its texts are the English texts, marked and made longer
// by at least two fifths.
const Pseudo, begins, ends = "art", "⟦", "⟧"

// longer marks a text and makes it longer.
func longer(say string) string {
	if say == "" {
		return ""
	}
	return begins + say + " " + strings.Repeat("~", len(say)*2/5+1) + ends
}

// WithPseudo returns the languages of the catalogue and the pseudo-language.
func WithPseudo(t testing.TB) *words.Languages {
	t.Helper()
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := all.Add(Pseudo, readMarked); err != nil {
		t.Fatal(err)
	}
	return all
}

// readMarked reads the English texts of an area and marks them, except what says how the language writes figures.
func readMarked(area string) (catalogue.File, error) {
	f, err := catalogue.Read(catalogue.English, area)
	if err != nil || area == "language" {
		return f, err
	}
	for _, s := range f.Sections {
		for i := range s.Texts {
			for _, say := range []*string{&s.Texts[i].Say, &s.Texts[i].One} {
				*say = longer(*say)
			}
		}
	}
	return f, nil
}

// Unmarked removes the texts of the pseudo-language. The remaining text does not come from the catalogue.
func Unmarked(said string) string {
	for {
		end := strings.Index(said, ends)
		begin := strings.LastIndex(said[:max(end, 0)], begins) // the innermost text: a text may contain another text
		if begin < 0 {
			return strings.TrimSpace(said)
		}
		said = said[:begin] + said[end+len(ends):]
	}
}
