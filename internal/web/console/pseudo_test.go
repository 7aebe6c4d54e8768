package console_test

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/words"
)

// The pseudo-language is English, marked and at least two fifths longer. Its code is that of artificial languages.
const pseudo, begins, ends = "art", "⟦", "⟧"

// longer marks a text and makes it longer.
func longer(say string) string {
	if say == "" {
		return ""
	}
	return begins + say + " " + strings.Repeat("~", len(say)*2/5+1) + ends
}

// pseudoLanguages are the languages of the catalogue and the pseudo-language.
func pseudoLanguages(t *testing.T) *words.Languages {
	t.Helper()
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, area := range words.Areas() {
		f, err := catalogue.Read(catalogue.English, area)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Sections {
			for i := range s.Texts {
				for _, say := range []*string{&s.Texts[i].Say, &s.Texts[i].One} {
					*say = longer(*say)
				}
			}
		}
		if err := all.Add(pseudo, area, f); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// data is what pages show unchanged as stored or typed: names, ids, figures, times, commands.
var data = regexp.MustCompile(`^([\d\s.,:@=+/–-]|KES|UTC|kWh|Wh|\bW\b|●|○|■|▲|◐|→|✓|⚠|·|\(|\)|Paywatt|test|TEST|main|domestic|Amina A\.|Mwangi.*|[a-z]+@example\.org|(vnd|acc|jrn|tok|cmd|mtr|qtn|msg|req|alm)_[a-z0-9]+|main-\d+|person|SGC|KRN|TI|TT|EA)*$`)

// TestAPseudoLanguageGoesThroughEveryPage: every text of a page is marked, so it comes from the catalogue.
func TestAPseudoLanguageGoesThroughEveryPage(t *testing.T) {
	t.Parallel()
	w := folder(t)
	w.language = pseudo
	w.serve(app.Config{Passphrase: []byte(passphrase), Languages: pseudoLanguages(t)})
	w.furnish()
	seen := map[string]bool{}
	for _, a := range every(w) {
		if a.page == nil {
			t.Errorf("%s: status %d, and no page", a.what, a.status)
			continue
		}
		for n := range a.page.Descendants() {
			switch {
			case n.Type == html.ElementNode && n.Data == "body" && n.FirstChild != nil && attr(n.Parent, "lang") != pseudo && titled(a.page):
				t.Errorf("%s is in the language %q", a.what, attr(n.Parent, "lang"))
			case n.Type == html.TextNode && !inCode(n):
				said := n.Data
				for marked.MatchString(said) { // one text may be inside another
					said = marked.ReplaceAllString(said, "")
				}
				if said = strings.TrimSpace(said); !data.MatchString(said) && !seen[said] {
					seen[said] = true
					t.Errorf("%s says %q", a.what, said)
				}
			}
		}
	}
}

// marked is an innermost text of the pseudo-language.
var marked = regexp.MustCompile(begins + `[^` + ends + begins + `]*` + ends)

// titled tells a page from a fragment that is inserted into one.
func titled(page *html.Node) bool {
	for n := range page.Descendants() {
		if n.Data == "title" {
			return true
		}
	}
	return false
}

func inCode(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == "code" || p.Data == "pre" || p.Data == "script" || p.Data == "bdi" {
			return true
		}
	}
	return false
}
