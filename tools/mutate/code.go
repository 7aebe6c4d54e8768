package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// source is a Go file to mutate.
type source struct {
	path string // absolute
	name string // relative to the module, with slashes
	text []byte
	set  *token.FileSet
	tree *ast.File
	home *types.Package
}

func (f *source) qualifier(p *types.Package) string {
	if p == f.home {
		return ""
	}
	return p.Name()
}

// code is a package with its types.
type code struct {
	path     string // import path
	dir      string // absolute
	set      *token.FileSet
	files    []*source // the files to mutate
	trees    []*ast.File
	info     *types.Info
	importer types.Importer
}

// listed is the output of "go list" about a package.
type listed struct {
	ImportPath, Dir, Export string
	DepOnly                 bool
	GoFiles                 []string
}

// goCommand runs the go command in the module's root and returns its output.
func goCommand(ctx context.Context, root string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, errs.Bytes())
	}
	return out.Bytes(), nil
}

// load parses a package and checks its types. Its imports come compiled from the build cache.
func load(ctx context.Context, root, pattern string) (*code, error) {
	out, err := goCommand(ctx, root, "list", "-export", "-deps", "-json=ImportPath,Dir,Export,DepOnly,GoFiles", pattern, "os", "strconv")
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	var own listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		exports[p.ImportPath] = p.Export
		if !p.DepOnly && p.ImportPath != "os" && p.ImportPath != "strconv" { // switchText needs os and strconv
			own = p
		}
	}
	c := &code{path: own.ImportPath, dir: own.Dir, set: token.NewFileSet(), info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
	}}
	c.importer = importer.ForCompiler(c.set, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("package %s is not compiled", path)
		}
		return os.Open(exports[path])
	})
	return c, c.parse(root, own.GoFiles)
}

func (c *code) parse(root string, names []string) error {
	for _, name := range names {
		f := &source{path: filepath.Join(c.dir, name), set: c.set}
		text, err := os.ReadFile(f.path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, f.path)
		if err != nil {
			return err
		}
		f.text, f.name = text, filepath.ToSlash(rel)
		if f.tree, err = parser.ParseFile(c.set, f.path, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return err
		}
		c.trees = append(c.trees, f.tree)
		if !ast.IsGenerated(f.tree) {
			c.files = append(c.files, f)
		}
	}
	home, err := c.check(c.trees, c.info)
	for _, f := range c.files {
		f.home = home
	}
	return err
}

func (c *code) check(trees []*ast.File, info *types.Info) (*types.Package, error) {
	conf := types.Config{Importer: c.importer}
	return conf.Check(c.path, c.set, trees, info)
}

// compiles reports whether the package passes the type checker with the changed texts of some files.
func (c *code) compiles(texts map[string][]byte) bool {
	trees := make([]*ast.File, 0, len(c.trees)+1)
	add := func(path string, text []byte) bool {
		tree, err := parser.ParseFile(c.set, path, text, parser.SkipObjectResolution)
		trees = append(trees, tree)
		return err == nil
	}
	for _, t := range c.trees {
		path := c.set.File(t.FileStart).Name()
		if text, changed := texts[path]; !changed {
			trees = append(trees, t)
		} else if !add(path, text) {
			return false
		}
	}
	if text, ok := texts[c.switchFile()]; ok && !add(c.switchFile(), text) {
		return false
	}
	_, err := c.check(trees, nil)
	return err == nil
}

// mutant is a package with one change.
type mutant struct {
	change
	file         *source
	host         host
	number       int // number of the mutant, from 1, in the order in which mutants were drawn
	line, column int
	function     string
	before       string
	after        string
}

// text is the whole file with the change in it.
func (m *mutant) text() []byte {
	out := append([]byte{}, m.file.text[:m.from]...)
	out = append(out, m.change.text...)
	return append(out, m.file.text[m.to:]...)
}

// key identifies a mutant without its line number.
func (m *mutant) key() string {
	return strings.Join([]string{m.file.name, m.function, m.before, m.after}, "\n")
}

func newMutant(s site, c change) *mutant {
	m := &mutant{change: c, file: s.file, host: s.host, function: s.function}
	at := s.file.set.Position(s.file.set.File(s.file.tree.Pos()).Pos(c.from))
	m.line, m.column = at.Line, at.Column
	text := string(s.file.text)
	start := strings.LastIndexByte(text[:c.from], '\n') + 1
	end := len(text)
	if n := strings.IndexByte(text[c.to:], '\n'); n >= 0 {
		end = c.to + n
	}
	for _, group := range s.file.tree.Comments {
		if at := s.file.set.Position(group.Pos()).Offset; at >= c.to && at < end {
			end = at
		}
	}
	if c.whole {
		start, end = c.from, c.to
	}
	shown := c.shown
	if shown == "" {
		shown = c.text
	}
	head, tail := text[start:c.from], text[c.to:end]
	if long := len(head) + len(tail) + max(c.to-c.from, len(shown)); long > widest {
		head, tail = last(strings.TrimLeft(head, "\t"), widest/2), first(tail, widest/2)
	}
	m.before, m.after = oneLine(head+text[c.from:c.to]+tail), oneLine(head+shown+tail)
	return m
}

// widest is the longest text that a report shows in a line.
const widest = 120

func oneLine(s string) string { return first(strings.Join(strings.Fields(s), " "), 2*widest) }

func first(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "..."
	}
	return s
}

func last(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return "..." + string(r[len(r)-n:])
	}
	return s
}

// all returns every mutant of the package, in the order of the source.
func (c *code) all() [][]*mutant {
	var out [][]*mutant
	for _, f := range c.files {
		for _, s := range sites(f, c.info) {
			var here []*mutant
			for _, ch := range s.changes {
				here = append(here, newMutant(s, ch))
			}
			out = append(out, here)
		}
	}
	return out
}
