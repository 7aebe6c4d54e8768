package arch_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	gotypes "go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// testPackages are rooms below internal that only tests use, with the reason.
func testPackages() map[string]string {
	return map[string]string{
		"internal/arch":                    "this page as a test",
		"internal/catalogue":               "tools/catalogue reads it",
		"internal/sometimes":               "counts of rare states",
		"internal/tier":                    "which tests run when",
		"internal/await":                   "how tests wait",
		"internal/words/wordstest":         "texts for tests",
		"internal/store/sqlite/sqlitetest": "an empty database for tests",
		"internal/print/printtest":         "a receipt printer for tests",
		"internal/logtest":                 "fails a test on an unexpected warning",
		"internal/rowstest":                "rows that fail at a chosen call",
		"internal/hostile":                 "files that cost much, and what reading one costs",
		"internal/app/apptest":             "people for tests of whole programs",
		"internal/codeblock":               "code blocks of pages",
		"internal/device/card/cardtest":    "reads back a memory card",
		"internal/statement/statementtest": "exports of a bank's day",
		"internal/store/storetest":         "one suite for both engines",
		"internal/store/postgres/pgtest":   "clusters for tests",
		"internal/store/frozen":            "data of earlier builds",
	}
}

// onlyTested are functions and methods that no product code names, with the reason.
func onlyTested() map[string]string {
	return map[string]string{
		"(internal/catalogue.Text).Places":      "tools/catalogue writes the tables by it",
		"(internal/catalogue.Text).Counts":      "tools/catalogue writes the tables by it",
		"internal/access.ActRules":              "a test holds the page of acts against it",
		"internal/access.APIOperations":         "a test of the API holds its operations against it, and a page shows it",
		"internal/access.SecretRules":           "a test of the API holds its answers against it, and a page shows it",
		"internal/access.Commands":              "a test of the command line holds its commands against it, and a page shows it",
		"(*internal/registry.FirstMeters).Held": "a test of its memory counts what is held",
		"(*internal/gsm/sim900.Modem).Mute":     "a fault of an emulated part; tests of the driver, another room, cause it",
		"(*internal/notify.Dispatcher).Serve":   "the worker of a route, stepped by tests of two rooms that have no clock of their own",
	}
}

// listed is a package as go list prints it.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Module                  *struct{ Path string }
}

func (p listed) ours() bool { return p.Module != nil && p.Module.Path == module }

// product is the source of the program with the functions that each function uses.
type product struct {
	set      *token.FileSet
	packages map[string]*gotypes.Package
	files    map[*gotypes.Package][]*ast.File
	info     gotypes.Info
	// uses maps a function to the functions that it uses. The key nil holds the functions that are used by variables or outside
	// any declaration.
	uses map[*gotypes.Func][]*gotypes.Func
	// promised maps the name of a method to the interfaces that require the method.
	promised map[string][]*gotypes.Interface
}

// TestEveryExportedFunctionIsUsed: every exported function below internal is reached from the command, or is a method that an
// interface requires. Functions that only tests use are in a test package or an export_test.go.
func TestEveryExportedFunctionIsUsed(t *testing.T) {
	p := loadProduct(t)
	reached := p.reach()
	left := onlyTested()
	for fn := range p.declared() {
		where, name := p.set.Position(fn.Pos()), strings.ReplaceAll(fn.FullName(), module+"/", "")
		if !fn.Exported() || reached[fn] || !strings.Contains(filepath.ToSlash(where.Filename), "/internal/") {
			continue
		}
		if left[name] == "" {
			t.Errorf("%s: %s is used by tests only: remove it, or move it to a test package or an export_test.go", where, name)
		}
		delete(left, name)
	}
	for name := range left {
		t.Errorf("%s is used, or is no more: take it off onlyTested()", name)
	}
	for _, dir := range strings.Fields(goCommand(t, "list", "-f", "{{if .GoFiles}}{{.ImportPath}}{{end}}", "../../internal/...")) {
		if name := strings.TrimPrefix(dir, module+"/"); p.packages[dir] == nil && testPackages()[name] == "" {
			t.Errorf("%s is not in the program: remove it, or name it in testPackages() with its reason", name)
		}
	}
}

func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go %s: %s", args[0], exit.Stderr)
		}
		t.Fatal(err)
	}
	return string(out)
}

// loaded is the program. Several tests read it, and none changes it.
var loaded struct {
	once sync.Once
	p    *product
}

// loadProduct type-checks the program once: our packages from source, all others from the compiler's export data.
func loadProduct(t *testing.T) *product {
	t.Helper()
	loaded.once.Do(func() { loaded.p = readProduct(t) })
	if loaded.p == nil {
		t.Fatal("the program could not be loaded")
	}
	return loaded.p
}

func readProduct(t *testing.T) *product {
	t.Helper()
	p := &product{set: token.NewFileSet(), packages: map[string]*gotypes.Package{}, files: map[*gotypes.Package][]*ast.File{},
		uses: map[*gotypes.Func][]*gotypes.Func{}, promised: map[string][]*gotypes.Interface{},
		info: gotypes.Info{Uses: map[*ast.Ident]gotypes.Object{}, Defs: map[*ast.Ident]gotypes.Object{}, Types: map[ast.Expr]gotypes.TypeAndValue{}}}
	exports := map[string]string{}
	others := importer.ForCompiler(p.set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	config := gotypes.Config{Importer: importing(func(path string) (*gotypes.Package, error) {
		if ours := p.packages[path]; ours != nil {
			return ours, nil
		}
		pkg, err := others.Import(path)
		if err == nil {
			p.promises(pkg)
		}
		return pkg, err
	})}
	p.promise(gotypes.Universe.Lookup("error").Type().Underlying().(*gotypes.Interface))
	in := json.NewDecoder(strings.NewReader(goCommand(t, "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Module", "../../cmd/paywatt")))
	for in.More() {
		var l listed
		if err := in.Decode(&l); err != nil {
			t.Fatal(err)
		}
		exports[l.ImportPath] = l.Export
		if !l.ours() {
			continue
		}
		if err := p.check(&config, l); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.packages) < 50 {
		t.Fatalf("the program has only %d packages of ours: the test looks at the wrong place", len(p.packages))
	}
	return p
}

// importing is an importer that is a function.
type importing func(path string) (*gotypes.Package, error)

// Import implements the importer of go/types.
func (f importing) Import(path string) (*gotypes.Package, error) { return f(path) }

func (p *product) check(config *gotypes.Config, l listed) error {
	var parsed []*ast.File
	for _, name := range l.GoFiles {
		f, err := parser.ParseFile(p.set, filepath.Join(l.Dir, name), nil, 0)
		if err != nil {
			return err
		}
		parsed = append(parsed, f)
	}
	pkg, err := config.Check(l.ImportPath, p.set, parsed, &p.info)
	if err != nil {
		return fmt.Errorf("check %s: %w", l.ImportPath, err)
	}
	p.packages[l.ImportPath], p.files[pkg] = pkg, parsed
	for _, f := range parsed {
		for _, d := range f.Decls {
			p.declaration(d)
		}
	}
	return nil
}

// declaration records which functions a declaration uses, and which methods its interfaces require.
func (p *product) declaration(d ast.Decl) {
	var user *gotypes.Func
	if fn, is := d.(*ast.FuncDecl); is && !(fn.Recv == nil && fn.Name.Name == "main") {
		user = p.info.Defs[fn.Name].(*gotypes.Func)
	}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if fn, is := p.info.Uses[n].(*gotypes.Func); is && fn.Origin() != user {
				p.uses[user] = append(p.uses[user], fn.Origin())
			}
		case *ast.InterfaceType:
			if i, is := p.info.Types[n].Type.(*gotypes.Interface); is {
				p.promise(i)
			}
		}
		return true
	})
}

// promises records the interfaces of a package that is not ours.
func (p *product) promises(pkg *gotypes.Package) {
	for _, name := range pkg.Scope().Names() {
		if tn, is := pkg.Scope().Lookup(name).(*gotypes.TypeName); is {
			if i, is := tn.Type().Underlying().(*gotypes.Interface); is {
				p.promise(i)
			}
		}
	}
}

func (p *product) promise(i *gotypes.Interface) {
	for m := range i.Methods() {
		if !slices.Contains(p.promised[m.Name()], i) {
			p.promised[m.Name()] = append(p.promised[m.Name()], i)
		}
	}
}

// declared returns the functions and methods of our packages.
func (p *product) declared() map[*gotypes.Func]bool {
	all := map[*gotypes.Func]bool{}
	for _, parsed := range p.files {
		for _, f := range parsed {
			for _, d := range f.Decls {
				if fn, is := d.(*ast.FuncDecl); is && fn.Name.Name != "_" && !(fn.Recv == nil && fn.Name.Name == "main") {
					all[p.info.Defs[fn.Name].(*gotypes.Func)] = true
				}
			}
		}
	}
	return all
}

// reach returns the functions that main, the variables and the interfaces reach.
func (p *product) reach() map[*gotypes.Func]bool {
	reached := map[*gotypes.Func]bool{}
	var visit func(fn *gotypes.Func)
	visit = func(fn *gotypes.Func) {
		if reached[fn] {
			return
		}
		reached[fn] = true
		for _, used := range p.uses[fn] {
			visit(used)
		}
	}
	for _, used := range p.uses[nil] {
		visit(used)
	}
	for _, t := range p.types() {
		methods := gotypes.NewMethodSet(gotypes.NewPointer(t))
		for m := range methods.Methods() {
			if fn := m.Obj().(*gotypes.Func); p.asked(t, fn.Name()) {
				visit(fn.Origin())
			}
		}
	}
	return reached
}

// types returns the named types of our packages that are not interfaces.
func (p *product) types() []*gotypes.Named {
	var all []*gotypes.Named
	for pkg := range p.files {
		for _, name := range pkg.Scope().Names() {
			tn, is := pkg.Scope().Lookup(name).(*gotypes.TypeName)
			if !is || tn.IsAlias() {
				continue
			}
			if named, is := tn.Type().(*gotypes.Named); is && !gotypes.IsInterface(named) {
				all = append(all, named)
			}
		}
	}
	return all
}

// asked reports whether a type implements an interface that requires a method. The method may come from an embedded type.
func (p *product) asked(t *gotypes.Named, method string) bool {
	for _, i := range p.promised[method] {
		if gotypes.Implements(gotypes.NewPointer(t), i) || t.TypeParams().Len() > 0 {
			return true
		}
	}
	return false
}
