package print_test

import (
	"maps"
	"strings"
	"testing"
	"unicode"

	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// TestEveryReceiptInEveryLanguage: no line is wider than the paper, no message longer than one, the digits are whole, and what a printer or a
// telephone gets has no invisible characters.
func TestEveryReceiptInEveryLanguage(t *testing.T) {
	all := shapes(t)
	maps.Copy(all, notes(t))
	for _, say := range wordstest.Languages(t).All() {
		for name, r := range all {
			if !r.Credits() {
				if err := r.Price(); err != nil {
					t.Fatal(err)
				}
			}
			texts := map[string]string{"text32": print.Text32(say, r), "text48": print.Text48(say, r)}
			for form, width := range map[string]int{"text32": 32, "text48": 48} {
				for line := range strings.Lines(texts[form]) {
					if n := eastAsian(strings.TrimSuffix(line, "\n")); n > width {
						t.Errorf("%s, %s: a line has %d columns of %d: %q", say.Code(), name, n, width, line)
					}
				}
			}
			messages := print.SMS(say, r)
			for _, m := range messages {
				if len(m) > print.Septets || strings.Contains(m, "?") {
					t.Errorf("%s, %s: a message of %d septets, or with letters that it cannot have: %q", say.Code(), name, len(m), m)
				}
			}
			page, err := print.HTML(say, r)
			if err != nil || !strings.Contains(page, `dir="`+say.Direction()+`"`) {
				t.Errorf("%s, %s: the page has no direction %s, %v", say.Code(), name, say.Direction(), err)
			}
			texts["html"], texts["sms"] = page, strings.Join(messages, "\n")
			for _, token := range r.Tokens {
				for form, text := range texts {
					if !strings.Contains(text, token.Reveal()) {
						t.Errorf("%s, %s, %s has not the digits %s", say.Code(), name, form, token.Reveal())
					}
				}
			}
			delete(texts, "html")
			for form, text := range texts {
				if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (unicode.Is(unicode.Cf, r) || !unicode.IsPrint(r)) }) {
					t.Errorf("%s, %s, %s has invisible characters: %q", say.Code(), name, form, text)
				}
			}
		}
	}
}
