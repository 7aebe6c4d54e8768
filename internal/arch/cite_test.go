package arch_test

import (
	"bytes"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shelf holds everything that a citation may name: the repository's files and the anchors of its pages.
type shelf struct {
	files   map[string]bool            // files by their paths from the root, with slashes
	anchors map[string]map[string]bool // anchors of each page
	rows    map[string]map[string]bool // the names that begin the rows of tables, by page
}

func newShelf() *shelf {
	return &shelf{files: map[string]bool{}, anchors: map[string]map[string]bool{}, rows: map[string]map[string]bool{}}
}

// numbered are pages with numbered rows, which comments cite by number.
func numbered() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"docs/reference/postings.md": regexp.MustCompile(`\bP[0-9]{1,2}\b`),
		"docs/reference/money.md":    regexp.MustCompile(`\bV[0-9]{1,2}[a-z]?\b`),
	}
}

var (
	// cited is a page, with the anchor of a heading behind it.
	cited   = regexp.MustCompile(`(?:\.\.?/)*[A-Za-z0-9_][A-Za-z0-9_./-]*\.md(?:#[A-Za-z0-9_-]+)?\b`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	notSlug = regexp.MustCompile(`[^a-z0-9 _-]`)
	row     = regexp.MustCompile(`(?m)^\| ([A-Z][0-9]+[a-z]?) \|`)
	// clause is a place in a standard. The standard must be named before it; a § without a figure is only a character.
	clause   = regexp.MustCompile(`§ ?[0-9]|\b[Ss]ection [0-9]+\.[0-9]`)
	standard = regexp.MustCompile(`\b(IEC [0-9]+|ISO(/IEC)? [0-9]+|RFC [0-9]+|TS [0-9]{2}\.[0-9]{3}|SMPP [0-9]|MQTT [0-9]|STS [0-9]+|NIST SP)`)
	blanks   = regexp.MustCompile(`\s+`)
	// elsewhere are names of pages that readers of this repository do not have.
	elsewhere = regexp.MustCompile(`(?i)\bdomain(?:'s)? reference\b|\bcontract,? (?:§|section )|\b(?:of|from|in|as) the contract\b` +
		`|\bthe contract (?:says|prints|names|knows)\b|\bfacts page\b|\bSTS/FACTS\b|\bFACTS §|\b(?:reliability|datapath|architecture|domain),? (?:page|reference\b|§)`)
)

// slug returns the anchor of a heading.
func slug(text string) string {
	return strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
}

// put adds a file, and the anchors of a page.
func (s *shelf) put(name string, text []byte) {
	s.files[name] = true
	if path.Ext(name) != ".md" {
		return
	}
	s.anchors[name], s.rows[name] = map[string]bool{}, map[string]bool{}
	for _, r := range row.FindAllSubmatch(text, -1) {
		s.rows[name][string(r[1])] = true
	}
	for _, h := range heading.FindAllSubmatch(text, -1) {
		s.anchors[name][slug(string(h[1]))] = true
	}
}

// find returns the page that a citation in a folder means, or "". It looks for the path from the root or from the folder, or
// for the bare name among the pages of docs.
func (s *shelf) find(dir, name string) string {
	tries := []string{name, path.Join(dir, name)}
	if !strings.Contains(name, "/") {
		tries = append(tries, "docs/reference/"+name, "docs/operate/"+name, "docs/guide/"+name)
	}
	for _, try := range tries {
		if s.files[try] {
			return try
		}
	}
	return ""
}

// problems says what is wrong with the citations of a passage in a file of a folder.
func (s *shelf) problems(dir, text string) (wrong []string, seen int) {
	text = blanks.ReplaceAllString(text, " ")
	for _, c := range cited.FindAllString(text, -1) {
		name, anchor, _ := strings.Cut(c, "#")
		page := s.find(dir, name)
		switch {
		case page == "":
			wrong = append(wrong, c+": there is no such page")
		case anchor != "" && !s.anchors[page][anchor]:
			wrong = append(wrong, c+": the page has no such heading")
		case strings.HasPrefix(page, "docs/"):
			seen++
			wrong = append(wrong, s.missing(page, text)...)
		}
	}
	for _, at := range clause.FindAllStringIndex(text, -1) {
		if !standard.MatchString(text[:at[0]]) {
			wrong = append(wrong, text[at[0]:min(len(text), at[1]+6)]+": of which standard? Name it before, in the same comment")
		}
	}
	for _, phrase := range elsewhere.FindAllString(text, -1) {
		wrong = append(wrong, phrase+": whoever reads this does not have that page; cite one of docs")
	}
	return wrong, seen
}

// missing returns the numbered rows that a passage cites and the page lacks.
func (s *shelf) missing(page, text string) (wrong []string) {
	number := numbered()[page]
	if number == nil {
		return nil
	}
	for _, n := range number.FindAllString(text, -1) {
		if !s.rows[page][n] {
			wrong = append(wrong, n+": "+page+" has no such row")
		}
	}
	return wrong
}

// written reports whether people write a file of this name by hand.
func written(name string) bool {
	switch path.Ext(name) {
	case ".go", ".templ", ".sql", ".sh", ".toml", ".md", ".txt", ".css", ".py":
		return !strings.Contains(name, "/testdata/fuzz/")
	}
	return name == "check" || name == "Makefile"
}

// frozenFiles are files that must not change any more, because users' databases depend on them. Even their old citations stay.
func frozenFiles() []string { return []string{"internal/store/migrations/0001_first.sql"} }

// readTexts reads every file that people write, and everything that may be cited.
func readTexts(t *testing.T) (s *shelf, texts map[string][]byte) {
	t.Helper()
	root := filepath.Join("..", "..")
	s, texts = newShelf(), map[string][]byte{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); p != root && (strings.HasPrefix(n, ".") || strings.HasPrefix(n, "paywatt-") || n == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if !written(name) {
			return nil
		}
		b, err := os.ReadFile(p)
		s.put(name, b)
		if !slices.Contains(frozenFiles(), name) {
			texts[name] = b
		}
		return err
	})
	if err != nil || len(texts) < 1000 {
		t.Fatalf("%d files found, %v", len(texts), err)
	}
	return s, texts
}

// TestEveryCitationLeadsSomewhere checks the citations in comments, templates, scripts and pages. Every cited page or heading must exist,
// and every cited file must be in a clone of this repository. A § must follow the name of its standard.
func TestEveryCitationLeadsSomewhere(t *testing.T) {
	s, texts := readTexts(t)
	seen := 0
	look := func(where, dir, text string) {
		wrong, n := s.problems(dir, text)
		seen += n
		for _, w := range wrong {
			t.Errorf("%s: %s", where, w)
		}
	}
	for name, b := range texts {
		if path.Ext(name) == ".go" {
			continue
		}
		for _, passage := range bytes.Split(b, []byte("\n\n")) {
			look(name, path.Dir(name), unmarked(string(passage)))
		}
	}
	for _, f := range files(t) {
		if f.name == "cite_test.go" {
			continue // the bad citations in this file are planted
		}
		for _, g := range f.tree.Comments {
			look(f.set.Position(g.Pos()).String(), f.dir, g.Text())
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && strings.Contains(l.Value, "docs/") {
				wrong, _ := s.problems(f.dir, l.Value)
				for _, w := range wrong {
					t.Errorf("%s: %s", f.set.Position(l.Pos()), w)
				}
			}
			return true
		})
	}
	if seen < 150 {
		t.Errorf("only %d citations found: the test does not see them", seen)
	}
}

// unmarked removes comment marks from the lines of a passage.
func unmarked(passage string) string {
	var out strings.Builder
	for line := range strings.Lines(passage) {
		out.WriteString(strings.TrimLeft(line, " \t#/-;*"))
	}
	return out.String()
}

// TestTheTestOfCitationsSees plants a bad citation of each kind.
func TestTheTestOfCitationsSees(t *testing.T) {
	s := newShelf()
	s.put("docs/reference/postings.md", []byte("# Postings\n\n| | operation |\n|---|---|\n| P1 | sale |\n| P15 with tax | recharge |\n| P15 | recharge |\n"))
	s.put("docs/reference/mqtt.md", []byte("# MQTT\n\n## The sequence\n\n### Why `seq`, and how?\n"))
	for text, want := range map[string]string{
		"as docs/reference/mqtt.md#the-sequence says":    "",
		"docs/reference/mqtt.md#why-seq-and-how.":        "",
		`"../../docs/reference/mqtt.md"`:                 "",
		"(TS 23.040 §9.1.2.5, and §9.2)":                 "",
		"a bind (SMPP 3.4 §3.2.3)":                       "",
		"the contract of one customer, once by contract": "",
		"§ is left out":                                  "",
		"(docs/reference/nothing.md)":                    "no such page",
		"(docs/reference/mqtt.md#the-sequel)":            "no such heading",
		"what gsm.md says":                               "no such page",
		"(P1 and P15 of docs/reference/postings.md)":     "",
		"(P99 of docs/reference/postings.md)":            "no such row",
		"the bits (§5.2.12)":                             "which standard",
		"(section 5.2), TS 23.040":                       "which standard",
		"the rules of the domain\nreference, figure 4":   "does not have that page",
		"it is sent once (the contract, §3)":             "does not have that page",
		"the exit codes of the contract":                 "does not have that page",
		"in the order of FACTS §10":                      "does not have that page",
		"(reliability §5)":                               "does not have that page",
		"three steps (architecture §3)":                  "does not have that page",
	} {
		wrong, _ := s.problems("internal/gateway", text)
		all := strings.Join(wrong, "; ")
		if want == "" && all != "" || want != "" && !strings.Contains(all, want) {
			t.Errorf("%q: %q, want %q", text, all, want)
		}
	}
}

// TestPromisedTestsAreThere: docs/reference/promises.md names tests that exist.
func TestPromisedTestsAreThere(t *testing.T) {
	_, texts := readTexts(t)
	declared := map[string]bool{}
	for _, f := range files(t) {
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				declared[fn.Name.Name] = true
			}
		}
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllSubmatch(texts["docs/reference/promises.md"], -1)
	for _, m := range named {
		if !declared[string(m[1])] {
			t.Errorf("docs/reference/promises.md: there is no %s", m[1])
		}
	}
	if len(named) < 20 {
		t.Errorf("only %d tests are named: the test does not see them", len(named))
	}
}
