package cluster

import (
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/codeblock"
)

// page has the files of a cluster. The tests run in the folder e2e.
const page = "docs/operate/cluster.md"

// fileOf returns a file of the page: the block whose first line is a comment with its name.
func fileOf(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("../" + page)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := codeblock.Of(page, string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		first, rest, _ := strings.Cut(b.Text, "\n")
		if first == "# "+name || first == "-- "+name {
			return rest
		}
	}
	t.Fatalf("%s has no file %s", page, name)
	return ""
}

// replaceTexts replaces texts of a file of the page, in pairs. Each of them must be there.
func replaceTexts(t testing.TB, file string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(file, pairs[i]) {
			t.Fatalf("the file on %s has no %q:\n%s", page, pairs[i], file)
		}
	}
	return strings.NewReplacer(pairs...).Replace(file)
}
