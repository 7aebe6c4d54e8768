package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/paywatt/paywatt"

// layers gives every room its layer: 0 words, 1 rules, 2 use cases, 3 adapters, 4 wiring, -1 tests only.
// A folder below a room belongs to the room unless it is listed itself.
func layers() map[string]int {
	return map[string]int{
		"api/apiv1": 0, "sts": 0, "unit": 0, "wire": 0, "internal/id": 0, "internal/refusal": 0, "internal/refuse": 1, "internal/words": 2, "internal/alarmtext": 1, "internal/diagnosistext": 1, "internal/fault": 0, "internal/plant": 0, "internal/logkey": 0, "internal/licenses": 0, "internal/exit": 0,
		"internal/gsm/pdu": 1, "internal/gsm/at": 1, "supply": 1, "meter": 1, "internal/money": 1, "internal/catalogue": 1, "internal/tariff": 1, "internal/localday": 1, "internal/series": 1, "internal/ledger": 1, "internal/config": 1, "internal/seal": 1, "internal/calibration": 1, "internal/meterdoc": 1,
		"internal/access": 2, "internal/registry": 2, "internal/metering": 2, "internal/vending": 2, "internal/sale": 2, "internal/receipt": 2, "internal/proof": 2,
		"internal/command": 2, "internal/meterconfig": 2, "internal/job": 2, "internal/report": 2, "internal/presence": 2, "internal/diagnosis": 2, "internal/wallet": 2, "internal/intake": 2, "internal/quarantine": 2, "internal/silence": 2,
		"internal/recharge": 2, "internal/search": 2, "internal/overview": 2, "internal/flats": 2, "internal/timeline": 2, "internal/office": 2, "internal/spool": 2, "internal/debt": 2, "internal/vendor": 2, "internal/till": 2, "internal/dayclose": 2, "internal/payment": 2, "internal/voucher": 2, "internal/voucherpin": 1, "internal/reconcile": 2, "internal/webhook": 2, "internal/statement": 1, "internal/pagelink": 2, "internal/sheet": 1, "internal/bounded": 1, "internal/spelling": 1, "internal/upload": 2, "internal/imports": 2, "internal/once": 2, "internal/early": 2,
		"client": 3, "internal/store": 3, "internal/gateway": 3, "internal/keystore": 3, "internal/authority": 3, "internal/atomicfile": 3, "internal/listen": 3, "internal/dial": 3, "internal/reach": 1, "internal/print": 2, "internal/explain": 2, "internal/api": 3,
		"internal/web": 3, "internal/device": 3, "internal/printer": 3, "internal/provider": 3, "internal/poster": 3, "internal/gsm": 3,
		"internal/app": 4, "internal/sim": 4, "internal/bench": 4, "internal/app/apptest": -1, "internal/statement/statementtest": -1, "internal/demo": 4, "internal/tokenlab": 4, "cmd": 4, "internal/arch": -1, "internal/words/wordstest": -1, "internal/sometimes": -1, "internal/tier": -1, "internal/await": -1, "internal/rowstest": -1, "internal/logtest": -1, "internal/hostile": -1, "internal/codeblock": -1, "e2e": -1, "e2e/rogue": 4, "examples": 4, "tools": 4,
		"profiles": 0, "internal/profile": 2, "internal/mirror": 2, "internal/notify": 2,
		"internal/store/storetest": -1, "internal/store/postgres/pgtest": -1,
	}
}

// forbidden lists the packages that the two inner layers must not import, with the reason.
func forbidden() map[string]string {
	return map[string]string{
		"os": "the core has no files or environment", "net": "the core has no network", "net/http": "the core has no network",
		"database/sql": "the core has no storage", "context": "a rule is not cancelled", "log/slog": "a rule returns facts, it does not log",
		"log": "a rule returns facts, it does not log", "sync": "a rule runs on one goroutine", "math/rand": "randomness is an argument",
		"math/rand/v2": "randomness is an argument", "crypto/rand": "randomness is an argument", "sync/atomic": "a rule runs on one goroutine",
	}
}

type file struct {
	dir, name string // dir is relative to the module root, with slashes
	set       *token.FileSet
	tree      *ast.File
	generated bool
}

func (f file) test() bool { return strings.HasSuffix(f.name, "_test.go") }

// parsed are the files of the module. Most tests read them, and none changes them.
var parsed struct {
	once sync.Once
	all  []file
}

// files parses every Go file of the module, once.
func files(t *testing.T) []file {
	t.Helper()
	parsed.once.Do(func() { parsed.all = readFiles(t) })
	if parsed.all == nil {
		t.Fatal("the files could not be read")
	}
	return parsed.all
}

func readFiles(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var out []file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); p != root && (strings.HasPrefix(n, ".") || n == "testdata" || n == "node_modules" || p == filepath.Join(root, "tools", "client")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, p, src, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		out = append(out, file{dir: path.Dir(rel), name: path.Base(rel), set: set, tree: tree,
			generated: ast.IsGenerated(tree)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("found only %d Go files: the walk looks at the wrong place", len(out))
	}
	return out
}

// room returns the longest listed prefix of a folder.
func room(dir string) (string, int, bool) {
	all := layers()
	for d := dir; d != "." && d != "/"; d = path.Dir(d) {
		if l, ok := all[d]; ok {
			return d, l, true
		}
	}
	return "", 0, false
}

func TestImportsGoOneWay(t *testing.T) {
	for _, f := range files(t) {
		from, layer, ok := room(f.dir)
		if !ok {
			t.Errorf("%s: room %s has no layer; give it one in layers()", f.name, f.dir)
			continue
		}
		if f.test() || layer == -1 || f.dir == "internal/plant" { // it reads which rule a test has switched off
			continue
		}
		for _, imp := range f.tree.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			checkImport(t, f, from, layer, p)
		}
	}
}

// standardOnly reports whether a public room imports the standard library only; package client also imports api/apiv1.
func standardOnly(room string) bool { return room == "sts" || room == "api/apiv1" || room == "client" }

// shared reports whether every adapter may import a room: with it they write files, accept connections and make them.
func shared(room string) bool {
	return room == "internal/atomicfile" || room == "internal/listen" || room == "internal/dial"
}

func checkImport(t *testing.T, f file, from string, layer int, p string) {
	t.Helper()
	where := f.dir + "/" + f.name
	inside, ok := strings.CutPrefix(p, module+"/")
	if !ok {
		if why, no := forbidden()[p]; no && layer <= 1 && !(layer == 0 && p == "log/slog") {
			t.Errorf("%s imports %s: %s", where, p, why)
		}
		if layer == 2 {
			switch p {
			case "os", "net", "net/http", "database/sql":
				t.Errorf("%s imports %s: a use case touches no file, socket or driver", where, p)
			}
		}
		if standardOnly(from) && strings.Contains(strings.Split(p, "/")[0], ".") {
			t.Errorf("%s imports %s: %s uses the standard library only", where, p, from)
		}
		return
	}
	if standardOnly(from) && !(from == "client" && inside == "api/apiv1") {
		t.Errorf("%s imports %s: %s must not depend on the rest of the module", where, p, from)
	}
	to, toLayer, ok := room(inside)
	switch {
	case !ok:
		t.Errorf("%s imports %s, which has no layer", where, p)
	case toLayer == -1:
		t.Errorf("%s imports %s: tests are not imported", where, p)
	case toLayer > layer:
		t.Errorf("%s (layer %d) imports %s (layer %d): imports go inwards only", where, layer, p, toLayer)
	case layer == 3 && toLayer == 3 && from != to && !shared(to):
		t.Errorf("%s imports %s: adapters never import each other", where, p)
	}
	if allowed := strangers()[f.dir]; allowed != nil && !slices.Contains(allowed, to) {
		t.Errorf("%s imports %s: it is a stranger to the server; it may use only %s", where, p, strings.Join(allowed, ", "))
	}
	if allowed := strangers()[where]; allowed != nil && !slices.Contains(allowed, to) {
		t.Errorf("%s imports %s: it is a stranger to the server; it may use only %s", where, p, strings.Join(allowed, ", "))
	}
}

// strangers lists the rooms and files that use a server only from outside, with the rooms that they may import. The
// demonstration may also import internal/app, because it starts a server.
func strangers() map[string][]string {
	return map[string][]string{
		"internal/demo":         {"internal/app", "client", "api/apiv1", "internal/device", "internal/exit", "internal/atomicfile"},
		"e2e/rogue":             {"client", "api/apiv1", "meter", "sts"},
		"internal/sim/fleet.go": {"client", "api/apiv1", "internal/device", "meter", "sts", "unit", "wire"},
		"internal/sim/provider": {"internal/money"},
	}
}

func TestCoreReadsNoClock(t *testing.T) {
	for _, f := range files(t) {
		_, layer, _ := room(f.dir)
		if f.test() || layer < 0 || layer > 2 {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
				switch s.Sel.Name {
				case "NewTimer", "NewTicker":
					if f.dir == "internal/job" || f.dir == "internal/presence" || f.dir == "internal/notify" || f.dir == "internal/webhook" {
						return true // these packages wait with timers; they read the time from an injected clock
					}
					fallthrough
				case "Now", "Since", "Until", "Sleep", "After", "Tick", "AfterFunc":
					t.Errorf("%s: time.%s: time is an argument", f.set.Position(s.Pos()), s.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestNoInit(t *testing.T) {
	for _, f := range files(t) {
		if f.generated {
			continue
		}
		for _, d := range f.tree.Decls {
			if fn, is := d.(*ast.FuncDecl); is && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init: wiring nobody can see", f.set.Position(d.Pos()))
			}
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	has, seen := map[string]bool{}, map[string]bool{}
	for _, f := range files(t) {
		if f.test() {
			continue
		}
		seen[f.dir] = true
		if f.tree.Doc != nil && len(f.tree.Doc.Text()) > 40 {
			has[f.dir] = true
		}
	}
	for dir := range seen {
		if !has[dir] {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func TestNoRoomIsCalledUtil(t *testing.T) {
	for _, f := range files(t) {
		switch path.Base(f.dir) {
		case "util", "utils", "common", "models", "types", "helpers", "misc":
			t.Errorf("%s: a package is named after its idea", f.dir)
		}
	}
}

// TestAreasOfTheStoreStandInOrder: an area of the store uses only rows of the areas before it.
func TestAreasOfTheStoreStandInOrder(t *testing.T) {
	const store = "internal/store/"
	order := []string{"core", "people", "books", "meters", "sales", "messages"}
	for _, f := range files(t) {
		at := slices.Index(order, strings.TrimPrefix(f.dir, store))
		if at < 0 || f.test() {
			continue
		}
		for _, imp := range f.tree.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			used, inside := strings.CutPrefix(p, module+"/"+store)
			if p == module+"/internal/store" || inside && !slices.Contains(order[:at], used) {
				t.Errorf("%s/%s imports %s: %s uses %v only", f.dir, f.name, p, order[at], order[:at])
			}
		}
	}
}
