package console_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// dynamic replaces a value between two literal pieces of a page.
const dynamic = "\x00"

// unread lists elements whose text is not a sentence: commands, drawings.
var unread = regexp.MustCompile(`(?s)<(code|pre|svg|script|style)[ >].*?</(code|pre|svg|script|style)>`)

// spoken lists attributes that a person reads or hears.
var spoken = regexp.MustCompile(`\b(placeholder|title|alt|aria-label|data-name|data-copied)="([^"` + dynamic + `]*[A-Za-z][^"]*)"`)

// names removes the words that are the same in every language.
var names = strings.NewReplacer("Paywatt", "", "kWh", "", "·", "")

// TestNoPageHasTextOfItsOwn: all text that a person reads on a page of the console or of a customer comes from the catalogue.
func TestNoPageHasTextOfItsOwn(t *testing.T) {
	files, err := filepath.Glob("*_templ.go")
	customers, more := filepath.Glob("../portal/*_templ.go")
	if files = append(files, customers...); more != nil || len(customers) == 0 {
		t.Fatalf("%d pages of customers, %v", len(customers), more)
	}
	if err != nil || len(files) < 10 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, is := d.(*ast.FuncDecl)
			if !is {
				continue
			}
			page := literals(fn)
			for _, found := range spoken.FindAllStringSubmatch(page, -1) {
				if names.Replace(found[2]) == "" {
					continue
				}
				t.Errorf("%s %s: the attribute %s says %q", file, fn.Name.Name, found[1], found[2])
			}
			page = unread.ReplaceAllString(page, "")
			for text := range strings.SplitSeq(regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(page, "\n"), "\n") {
				if said := names.Replace(text); regexp.MustCompile(`\pL{2}`).MatchString(said) {
					t.Errorf("%s %s says %q", file, fn.Name.Name, strings.ReplaceAll(text, dynamic, "…"))
				}
			}
		}
	}
}

// literals joins the texts that a page's own code writes.
func literals(fn *ast.FuncDecl) string {
	var b strings.Builder
	ast.Inspect(fn, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if !is {
			return true
		}
		sel, is := call.Fun.(*ast.SelectorExpr)
		if !is || sel.Sel.Name != "WriteString" && sel.Sel.Name != "EscapeString" {
			return true
		}
		b.WriteString(dynamic)
		for _, arg := range call.Args {
			if lit, is := arg.(*ast.BasicLit); is && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				b.WriteString(text)
			}
		}
		return true
	})
	return strings.ReplaceAll(b.String(), dynamic+"<", "<")
}
