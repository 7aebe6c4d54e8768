package console_test

import (
	"regexp"
	"testing"

	"golang.org/x/net/html"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// data matches texts that pages show exactly as they were stored or typed: names, ids, figures, times, commands.
var data = regexp.MustCompile(`^([\d\s.,:@=+/–-]|KES|UTC|%|Corner shop|kWh|Wh|\bW\b|●|○|■|▲|◐|→|✓|⚠|·|\(|\)|Paywatt|test|TEST|main|domestic|Amina A\.|Mwangi.*|[a-z]+@example\.org|(vnd|acc|jrn|tok|cmd|mtr|qtn|msg|req|alm|apr|key|shf)_[a-z0-9]+|main-\d+|person|number|name|SGC|KRN|TI|TT|EA)*$`)

// TestAPseudoLanguageGoesThroughEveryPage: every text of a page is marked, so it comes from the catalogue.
func TestAPseudoLanguageGoesThroughEveryPage(t *testing.T) {
	tier.Slow(t)
	t.Parallel()
	w := folder(t)
	w.language = wordstest.Pseudo
	w.serve(app.Config{Passphrase: []byte(passphrase), Languages: wordstest.WithPseudo(t)})
	w.furnish()
	seen := map[string]bool{}
	for _, a := range every(w) {
		if a.page == nil {
			t.Errorf("%s: status %d, and no page", a.what, a.status)
			continue
		}
		for n := range a.page.Descendants() {
			switch {
			case n.Type == html.ElementNode && n.Data == "body" && n.FirstChild != nil && attr(n.Parent, "lang") != wordstest.Pseudo && titled(a.page):
				t.Errorf("%s is in the language %q", a.what, attr(n.Parent, "lang"))
			case n.Type == html.TextNode && !inCode(n):
				if said := wordstest.Unmarked(n.Data); !data.MatchString(said) && !seen[said] {
					seen[said] = true
					t.Errorf("%s says %q", a.what, said)
				}
			}
		}
	}
}

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
		if p.Data == "code" || p.Data == "pre" || p.Data == "script" || p.Data == "bdi" || p.Data == "textarea" {
			return true
		}
	}
	return false
}
