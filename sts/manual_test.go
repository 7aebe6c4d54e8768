package sts_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The manual of this package is the output of go doc. These tests keep it complete: every exported name has a comment
// that says where its rule comes from, every function that can fail names its errors, and every function has an
// example.

// source is the package as go doc sees it, with the examples of its tests.
func source(t *testing.T) (*doc.Package, map[string]*doc.Example) {
	t.Helper()
	set := token.NewFileSet()
	var files, tests []*ast.File
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			tests = append(tests, f)
		} else {
			files = append(files, f)
		}
	}
	p, err := doc.NewFromFiles(set, files, "github.com/paywatt/paywatt/sts")
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]*doc.Example{}
	for _, e := range doc.Examples(tests...) {
		examples[e.Name] = e
	}
	if len(p.Funcs) < 5 || len(examples) < 5 {
		t.Fatalf("%d functions and %d examples: the wrong place was read", len(p.Funcs), len(examples))
	}
	return p, examples
}

// function is an exported function or method: its name as examples spell it, its comment, and its declaration.
type function struct {
	name, text string
	decl       *ast.FuncDecl
}

func functions(p *doc.Package) (out []function) {
	add := func(prefix string, list []*doc.Func) {
		for _, f := range list {
			out = append(out, function{prefix + f.Name, f.Doc, f.Decl})
		}
	}
	add("", p.Funcs)
	for _, typ := range p.Types {
		add("", typ.Funcs)
		add(typ.Name+"_", typ.Methods)
	}
	return out
}

// shownElsewhere lists the functions without their own example, with the function whose example shows them.
func shownElsewhere() map[string]string {
	out := map[string]string{}
	// The masks of a secret follow one rule in seven forms.
	for typ, by := range map[string]string{"Key": "Key", "VendingKey": "VendingKey", "Token": "Token", "KeySection": "KeySection", "KeySections": "KeySections"} {
		for _, form := range []string{"String", "GoString", "Format", "MarshalText", "MarshalJSON", "LogValue"} {
			out[typ+"_"+form] = by
		}
	}
	// The String method of a code is shown where the code is parsed.
	for name, by := range map[string]string{
		"EA_String": "ParseEA", "DKGA_String": "ParseDKGA", "BaseDate_String": "ParseBaseDate", "KeyType_String": "KeyType",
		"Result_String": "Result", "PAN_String": "PAN", "PAN_Number": "PAN", "PAN_Issuer": "PAN",
		"PAN_MarshalText": "PAN_UnmarshalText", "BaseDate_Valid": "ParseBaseDate", "Key_EA": "NewKey", "Key_Reveal": "NewKey",
		"Key_Decrypt": "Key_Encrypt", "VendingKey_Reveal": "VendingKey", "CurrencyAmount_Value": "EncodeCurrency", "Amount_Tenths": "EncodeTenths",
		"Token_Class": "ParseToken", "TIDStore_Check": "TIDStore", "TIDStore_Add": "TIDStore", "TIDStore_TIDs": "NewTIDStore",
		"NewKeySection": "KeySection_Reveal", "KeySections_Len": "KeySections", "KeySections_Add": "KeySections",
		"KeySections_Complete": "KeySections", "KeySections_Section": "KeySections", "Opened_Kind": "Open",
	} {
		out[name] = by
	}
	for _, part := range []string{"Number", "KRN", "KT", "Rollover", "Three", "KEN", "TI", "SGC"} {
		out["KeySection_"+part] = "KeySection"
	}
	return out
}

func TestEveryFunctionHasAnExample(t *testing.T) {
	p, examples := source(t)
	elsewhere := shownElsewhere()
	own := 0
	all := functions(p)
	for _, f := range all {
		e, has := examples[f.name]
		by, listed := elsewhere[f.name]
		delete(elsewhere, f.name)
		switch {
		case has && listed:
			t.Errorf("%s has an example and is listed as shown by %s", f.name, by)
		case has && e.Output == "" && !e.EmptyOutput:
			t.Errorf("the example of %s has no output: it is not run", f.name)
		case has:
			own++
		case !listed:
			t.Errorf("%s has no example", f.name)
		case examples[by] == nil:
			t.Errorf("%s is listed as shown by Example%s, which does not exist", f.name, by)
		}
	}
	for name := range elsewhere {
		t.Errorf("%s is listed and does not exist", name)
	}
	t.Logf("figures: %d exported functions: %d with an example of their own, %d shown by another's", len(all), own, len(all)-own)
}

// origin matches the words with which a comment says where its rule comes from.
var origin = regexp.MustCompile(`CTSA\d\d|STS 531-1|STS 202-5|RFC \d+|IEC 62055-41|ISO/IEC 7812|NIST SP 800-108|sts\.org\.za|\bours\b|unproven`)

func TestEveryExportedNameIsDocumented(t *testing.T) {
	p, _ := source(t)
	names := 0
	for _, v := range append(append([]*doc.Value{}, p.Consts...), p.Vars...) {
		names += documentedValues(t, v)
	}
	for _, typ := range p.Types {
		names++
		if !origin.MatchString(typ.Doc) {
			t.Errorf("type %s: the comment does not say where the rule comes from: %q", typ.Name, typ.Doc)
		}
		for _, v := range append(append([]*doc.Value{}, typ.Consts...), typ.Vars...) {
			names += documentedValues(t, v)
		}
		names += documentedFields(t, typ)
	}
	for _, f := range functions(p) {
		names++
		if len(f.text) < 20 {
			t.Errorf("%s: no comment", f.name)
		}
		if f.decl.Recv == nil && !origin.MatchString(f.text) {
			t.Errorf("%s: the comment does not say where the rule comes from: %q", f.name, f.text)
		}
		if fails(f.decl) && !strings.Contains(f.text, "[Err") && !strings.Contains(f.text, "errors are those of") && !strings.Contains(f.name, "_Marshal") {
			t.Errorf("%s: the comment does not name its errors: %q", f.name, f.text)
		}
	}
	t.Logf("figures: %d exported names, each with a comment", names)
}

// fails reports whether a function returns an error.
func fails(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	for _, r := range f.Type.Results.List {
		if id, ok := r.Type.(*ast.Ident); ok && id.Name == "error" {
			return true
		}
	}
	return false
}

// documentedValues checks constants and variables: a comment on the group, and on each name or beside it.
func documentedValues(t *testing.T, v *doc.Value) int {
	t.Helper()
	for _, s := range v.Decl.Specs {
		spec := s.(*ast.ValueSpec)
		if !spec.Names[0].IsExported() {
			continue
		}
		alone := len(v.Decl.Specs) == 1 && v.Doc != ""
		obvious := strings.HasPrefix(spec.Names[0].Name, "Currency") && strings.Contains(v.Doc, "currency credit") // named by its group
		if spec.Doc.Text() == "" && spec.Comment.Text() == "" && !alone && !obvious {
			t.Errorf("%s: no comment", spec.Names[0].Name)
		}
	}
	return len(v.Names)
}

// documentedFields checks the exported fields of a struct.
func documentedFields(t *testing.T, typ *doc.Type) int {
	t.Helper()
	s, ok := typ.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
	if !ok {
		return 0
	}
	n := 0
	for _, f := range s.Fields.List {
		for _, name := range f.Names {
			if !name.IsExported() {
				continue
			}
			n++
			if f.Doc.Text() == "" && f.Comment.Text() == "" {
				t.Errorf("%s.%s: no comment", typ.Name, name.Name)
			}
		}
	}
	return n
}
