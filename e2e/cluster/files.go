package cluster

import (
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/codeblock"
)

// page has the files of a cluster. The tests run in the folder e2e.
const page = "docs/operate/cluster.md"

// frontOnPage is where HAProxy listens on the page.
const frontOnPage = "127.0.0.1:5000"

// readPage returns the page and its blocks.
func readPage(t testing.TB) (string, []codeblock.Block) {
	t.Helper()
	text, err := os.ReadFile("../" + page)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := codeblock.Of(page, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(text), blocks
}

// Settings returns the page's settings of a server, with the passphrase in another file.
func (c *Cluster) Settings(passphrase string) string {
	c.t.Helper()
	return replaceTexts(c.t, fileOf(c.t, "paywatt-data/paywatt.toml"), frontOnPage, c.at, "/etc/paywatt/passphrase", passphrase)
}

// PasswordLine returns the page's line of a server's ~/.pgpass.
func (c *Cluster) PasswordLine() string {
	c.t.Helper()
	text, _ := readPage(c.t)
	_, after, _ := strings.Cut(text, "`~/.pgpass` (`")
	line, _, _ := strings.Cut(after, "`")
	return replaceTexts(c.t, line, frontOnPage, c.at) + "\n"
}

// Command returns the arguments of the page's first command that begins with a text.
func (c *Cluster) Command(begin string) []string {
	c.t.Helper()
	_, blocks := readPage(c.t)
	for _, b := range blocks {
		for line := range strings.Lines(b.Text) {
			if b.Kind == "sh" && strings.HasPrefix(line, begin) {
				return strings.Fields(strings.ReplaceAll(line, frontOnPage, c.at))[1:]
			}
		}
	}
	c.t.Fatalf("%s has no command %s", page, begin)
	return nil
}

// fileOf returns a file of the page: the block whose first line is a comment with its name.
func fileOf(t testing.TB, name string) string {
	t.Helper()
	_, blocks := readPage(t)
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
