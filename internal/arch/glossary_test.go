package arch_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// everyday lists words of type names that every programmer knows. Every other word of a type name must be in
// docs/glossary.md.
const everyday = `ids added arg args argon arrived availability awaited bad badge bar bench bind booked braces bucket buffer bus cache call
	carried cbor cell certificate choice cluster comparison component concat configured console context copied dcs deck decimal demo detail diagram
	dice document duration ear element entity equivalent err exchange failing failure family filled finder fit fix flags format
	frame golden guess handler headroom health holiday hook household hub huma icon id inbound info int interval issue judged
	kernel large late led license light limiter listed location logged lookup loop lossy mac member menu metrics migration model mirror
	msg mtr mutant near net operation option outgoing output packed params passer password past pg pgbench phone phrase piece plain
	player port post prepared preview printer probe prompt pty pushed query raised ram range ready recalled ref refresh remembered rendered
	repeat reply retry rig router runner schema screen scripted serve settle sign site size speed stats status stmt story submit
	suite summary tag tail talk tally thief tick toggle total trace track transcript turns tx usage verb view visit vmeter waiter
	watched wire workshop config docs object conn func io trunc sync length upgrade currency explain explained explanation calibrate
	calibrated simulate refused deliver forget summarised taken unreadable revoked reprint unconfirmed consultation undone outlet
	cutoff tries letter worn flasher archive malformed xml`

var letters = regexp.MustCompile(`[a-z]+`)

// stem removes the common endings of an English word, so that "signing", "signed" and "signs" count as one word.
func stem(w string) string {
	for _, end := range []string{"s", "ing", "ed", "er", "or", "ion", "at", "ment", "e", "i", "y"} {
		if short := strings.TrimSuffix(w, end); len(short) > 2 {
			w = short
		}
	}
	if n := len(w); n > 3 && w[n-1] == w[n-2] {
		w = w[:n-1]
	}
	return w
}

// TestTypeNamesUseWordsOfTheGlossary: every word of a type's name is in the list everyday or in the glossary, which defines the word.
func TestTypeNamesUseWordsOfTheGlossary(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "glossary.md"))
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, w := range letters.FindAllString(strings.ToLower(string(page)+everyday), -1) {
		has[stem(w)] = true
	}
	names := 0
	for _, f := range files(t) {
		if f.test() {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if spec, is := n.(*ast.TypeSpec); is {
				names++
				for _, w := range wordsOf(spec.Name.Name) {
					if letters.MatchString(w) && !has[stem(letters.FindString(w))] {
						t.Errorf("%s: %s: docs/glossary.md does not say what %q means", f.set.Position(spec.Pos()), spec.Name.Name, w)
					}
				}
			}
			return true
		})
	}
	if names < 1000 {
		t.Errorf("only %d type names found", names)
	}
}

// wordsOf splits a name at its capitals: "HTTPServer" is "http" and "server".
func wordsOf(name string) (out []string) {
	name = strings.Replace(name, "IDs", "Ids", 1)
	begin := 0
	upper := func(i int) bool { return i < len(name) && name[i] >= 'A' && name[i] <= 'Z' }
	lower := func(i int) bool { return i < len(name) && name[i] >= 'a' && name[i] <= 'z' }
	for i := 1; i <= len(name); i++ {
		if i == len(name) || upper(i) && !upper(i-1) || upper(i) && lower(i+1) {
			out, begin = append(out, strings.ToLower(name[begin:i])), i
		}
	}
	return out
}
