package spelling_test

import (
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/spelling"
)

func TestForms(t *testing.T) {
	const composed, decomposed, mixed = "caf\u00e9 \u00fc", "cafe\u0301 u\u0308", "caf\u00e9 u\u0308"
	for text, want := range map[string][]string{
		"":         {""},
		"plain":    {"plain"},
		composed:   {composed, decomposed},
		decomposed: {composed, decomposed},
		mixed:      {composed, mixed},
		"\xff":     {"\xff"}, // no Unicode
	} {
		got := spelling.Forms([]byte(text))
		if !slices.EqualFunc(got, want, func(have []byte, want string) bool { return string(have) == want }) {
			t.Errorf("%+q: got %+q, want %+q", text, got, want)
		}
	}
}
