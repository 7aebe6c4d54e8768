package arch_test

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// abandoned lists phrases that readers had to read twice, each with the words to use instead. Each phrase is cut in two, so
// that a search for the phrase does not find this list.
func abandoned() [][3]string {
	return [][3]string{
		{"is none of", " this list", "belongs to another list"},
		{"is not said", " whose meters", "Specify which meters the login may see"},
		{"stands in one", " object twice", "Duplicate field"},
		{"is still", " under way", "is pending"},
		{"has all", " hands full", "is busy"},
		{"nothing is to", " be changed", "No changes given"},
		{"to the same", " path asks", "POST to this path to request a reversal"},
		{"notices go", " into the log", "notices are only logged"},
		{"given to no", " route", "Not sent yet"},
		{"nobody was", " found", "No customers found"},
		{"there is no", " journal here", "No journal entries"},
		{"what its own", " figures make it", "matches its recalculation"},
		{"is no", " argument", "invalid"},
		{"nothing is", " tendered", "Amount must be greater than 0"},
		{"act of", " weight", "sensitive action"},
		{"acts of", " weight", "sensitive actions"},
		{"has not told", " its use", "no usage data yet"},
		{"looked", " after", "checked"},
		{"knows of what", " it sees", "when the server last lost sight of its meters"},
		{"the turn of", " its line", "is next in its recipient's queue"},
		{"takes the", " mains away", "cuts mains power"},
		{"what was", " decided too", "Show decided"},
		{"kept for the", " next sale", "change carried forward"},
		{"from the", " last sale", "change brought forward"},
		{"debits and credits", " are equal", "Books balance"},
		{"supply", " wanted", "Should be on"},
		{"wanted", " yes", "Should be on"},
		{"that you", " may see", "was not found"},
		{"not said", " not to", "say it without two negatives"},
		{"it is", " not said", "Specify"},
	}
}

// between matches the characters between two words, also where a sentence continues on the next line of a comment.
var between = regexp.MustCompile(`[\s/#*]+`)

// TestAbandonedPhrasesDoNotComeBack checks that no file of code, texts or documents contains an abandoned phrase.
func TestAbandonedPhrasesDoNotComeBack(t *testing.T) {
	_, texts := readTexts(t)
	for name, b := range texts {
		said := between.ReplaceAllString(strings.ToLower(string(b)), " ")
		for _, p := range abandoned() {
			if at := strings.Index(said, p[0]+p[1]); at >= 0 {
				t.Errorf("%s: %q; say %q", name, said[max(0, at-40):min(len(said), at+60)], p[2])
			}
		}
	}
}

// coined lists words that must not be in the name of a type or field, because the trade has other words for them
// (docs/glossary.md).
func coined() []string {
	return []string{"turn", "sight", "told", "kept", "aside", "purse", "desk", "given", "known"}
}

// TestNamesUseWordsOfTheTrade: types and fields of the product have no coined words in their names.
func TestNamesUseWordsOfTheTrade(t *testing.T) {
	for _, f := range files(t) {
		if f.test() {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			var names []*ast.Ident
			switch n := n.(type) {
			case *ast.TypeSpec:
				names = []*ast.Ident{n.Name}
			case *ast.StructType:
				for _, field := range n.Fields.List {
					names = append(names, field.Names...)
				}
			}
			for _, name := range names {
				for _, w := range wordsOf(name.Name) {
					if slices.Contains(coined(), w) {
						t.Errorf("%s: %s: the glossary has no %q", f.set.Position(name.Pos()), name.Name, w)
					}
				}
			}
			return true
		})
	}
}
