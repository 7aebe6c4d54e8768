package console_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// written returns the language and direction of a page.
func written(a answer) (lang, dir string) {
	for n := range a.page.Descendants() {
		if n.Type == html.ElementNode && n.Data == "html" {
			return attr(n, "lang"), attr(n, "dir")
		}
	}
	return "", ""
}

func TestTheLanguageIsTheReaders(t *testing.T) {
	w := begin(t)
	g := w.guest()
	is := func(a answer, lang, dir string) {
		t.Helper()
		if l, d := written(a); l != lang || d != dir {
			t.Errorf("%s is written in %q, %q, want %s, %s", a.what, l, d, lang, dir)
		}
	}
	is(g.get("/signin"), "en", "ltr")
	is(g.do("GET", "/signin", nil, "Accept-Language", "fr-CD,en;q=0.5"), "fr", "ltr")
	is(g.do("GET", "/signin", nil, "Accept-Language", "ar-SD"), "ar", "rtl")
	if to := g.post("/language", "language", "ar", "back", "/signin?next=%2Fsell").leads("/"); to != "/signin?next=%2Fsell" {
		t.Errorf("the choice leads to %s", to)
	}
	is(g.get("/signin"), "ar", "rtl")
	is(g.do("GET", "/signin", nil, "Accept-Language", "fr"), "ar", "rtl") // the choice stands above the browser's own
	g.get("/signin").says("مسودّة")                                       // the translation is a draft
	if to := g.post("/language", "language", "en", "back", "//evil.example").leads("/"); to != "/" {
		t.Errorf("the choice leads to %s", to)
	}
	is(g.do("GET", "/signin", nil, "Accept-Language", "fr"), "en", "ltr")
	g.post("/language", "language", "xx").leads("/") // no language: the choice is forgotten
	is(g.do("GET", "/signin", nil, "Accept-Language", "fr"), "fr", "ltr")
}

// TestAmountsAreReadInTheLanguageOfThePage: a decimal comma is one in French, and what could be a thousand or one is refused.
func TestAmountsAreReadInTheLanguageOfThePage(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.post("/language", "language", "fr")
	c := g.check(meterNumber, "1 000,50").is(200).says("Vendre pour 1\u202f000,50 KES")
	if c.value("amount") != "1000,50" {
		t.Errorf("the form carries %q", c.value("amount"))
	}
	for _, text := range []string{"1,000", "1.000", "1,000.50"} {
		g.check(meterNumber, text).is(422).says("100,00")
	}
	form := c.value("form")
	g.get(g.post("/sell", "form", form, "meter", c.value("meter"), "amount", c.value("amount"), "push", "1").leads("/sales/vnd_")).is(200).says("1\u202f000,50")
	g.post("/language", "language", "ar")
	if c := g.check(meterNumber, "١٬٠٠٠").is(200); c.value("amount") != "1000.00" {
		t.Errorf("the form carries %q", c.value("amount"))
	}
	g.post("/language", "language", "en")
	g.check(meterNumber, "1,000").is(200).says("Sell for KES 1,000.00")
}

// own finds a figure or a time that is written without the language of the page.
var own = regexp.MustCompile(`(?:^|[^y])\.KWh\(\d\)|money\.Format\(|money\.FormatRate\(|\.Format\("[^"]*15:04|money\.Parse\(|Amount\{[^}]*\}\.String\(\)`)

// unwritten are the places that write a figure for a program or a document, and why.
var unwritten = map[string]string{
	"swap.go":       "the figures of the command that does the same as the form",
	"tariffform.go": "the figures of a price as the form's own text, in which Decimal puts the language's mark",
}

// TestFiguresAreWrittenByLanguage: pages write amounts, energy and times with the methods of words.Texts.
func TestFiguresAreWrittenByLanguage(t *testing.T) {
	if !own.MatchString("x := q.Units.KWh(1)") || !own.MatchString("money.Format(m, c)") || own.MatchString("t.say.KWh(e, 1)") {
		t.Fatal("the pattern finds something else")
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") || unwritten[path] != "" {
			continue
		}
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(code), "\n") {
			if own.MatchString(line) {
				t.Errorf("%s:%d writes or reads a figure without the language of the page: %s", path, i+1, strings.TrimSpace(line))
			}
		}
	}
}
