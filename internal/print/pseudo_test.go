package print_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// neutral matches text that stays the same in every language: figures, signs, units of amounts, the names of the
// key's properties, and an identity that the paper breaks.
var neutral = regexp.MustCompile(`^([\d\s.,:%*@()+/–-]|KES|UGX|EAT|UTC|SGC|KRN|TI|TT|EA|(vnd|acc)_[0-9a-z]+)*$`)

// TestAPseudoLanguageGoesThroughEveryReceipt: every form of every receipt takes its words from the catalogue or from the
// receipt's own data. Texts that are 40 per cent longer still fit the paper and the short messages.
func TestAPseudoLanguageGoesThroughEveryReceipt(t *testing.T) {
	say := wordstest.WithPseudo(t).For(wordstest.Pseudo)
	all := shapes(t)
	maps.Copy(all, notes(t))
	for name, r := range all {
		if !r.Credits() {
			if err := r.Price(); err != nil {
				t.Fatal(err)
			}
		}
		page, err := print.HTML(say, r)
		if err != nil {
			t.Fatal(err)
		}
		for form, said := range map[string]string{"32 columns": print.Text32(say, r), "48 columns": print.Text48(say, r), "HTML": visible(t, page)} {
			left := strings.Join(strings.Fields(said), " ")
			for _, s := range ownData(t, r) {
				left = strings.ReplaceAll(left, s, "")
			}
			if left = wordstest.Unmarked(left); !neutral.MatchString(left) {
				t.Errorf("%s in %s: not from the catalogue: %q in\n%s", name, form, left, said)
			}
		}
		for width, said := range map[int]string{32: print.Text32(say, r), 48: print.Text48(say, r)} {
			for line := range strings.Lines(said) {
				if n := eastAsian(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("%s: a line has %d columns of %d: %q", name, n, width, line)
				}
			}
		}
		messages := print.SMS(say, r)
		for _, m := range messages {
			if len(m) > print.Septets || strings.ContainsAny(m, "[]{}\\^~|⟦⟧") { // each other character that SMS writes takes one septet
				t.Errorf("%s: a short message of %d characters: %q", name, len(m), m)
			}
		}
		for _, token := range r.Tokens {
			if !strings.Contains(strings.Join(messages, "\n"), token.Reveal()) {
				t.Errorf("%s: the short messages lack a token: %q", name, messages)
			}
		}
	}
}

// visible returns the text of a page without its style.
func visible(t *testing.T, page string) string {
	t.Helper()
	tree, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for n := range tree.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" {
			out = append(out, n.Data)
		}
	}
	return strings.Join(out, " ")
}

// ownData lists the texts that come from the receipt itself, the longest first.
func ownData(t *testing.T, r receipt.Receipt) []string {
	t.Helper()
	doc, err := receipt.JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(doc, &tree); err != nil {
		t.Fatal(err)
	}
	var out []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, part := range v {
				walk(part)
			}
		case []any:
			for _, part := range v {
				walk(part)
			}
		case string:
			if v = strings.Join(strings.Fields(v), " "); len(v) > 3 {
				out = append(out, v)
			}
		}
	}
	walk(tree)
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}
