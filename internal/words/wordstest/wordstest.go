// Package wordstest gives tests the texts of the catalogue.
package wordstest

import (
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/words"
)

// open reads the catalogue once for all tests of a program.
var open = sync.OnceValues(words.Open)

// English returns the texts in English.
func English(t testing.TB) words.Texts {
	t.Helper()
	return Languages(t).English()
}

// Languages returns the texts of all languages.
func Languages(t testing.TB) *words.Languages {
	t.Helper()
	all, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return all
}
