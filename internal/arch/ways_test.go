package arch_test

import (
	"go/ast"
	gotypes "go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// handed lists the functions in the steps of ARCHITECTURE.md that no earlier step calls. Each entry has one of two texts. The
// first text is the name of another function that uses the listed one, for example stores it as a value. The second text says
// in words what starts the listed function.
func handed() map[string]struct{ set, by string } {
	return map[string]struct{ set, by string }{
		"app.App.ingest":            {set: "app.App.listen"},
		"intake.Take":               {set: "app.openDatabase"},
		"app.App.due":               {set: "app.App.openFolder"},
		"job.Outbox.serve":          {by: "the bell of a worker, which Kick rings"},
		"meter.Step":                {by: "a message to the meter"},
		"gsm.Modem.take":            {by: "the modem's channel of jobs"},
		"gsm.session.taken":         {by: "the modem's channel of finished jobs"},
		"gateway.Gateway.published": {by: "a message of the meter"},
		"sqlite.Engine.Run":         {set: "store.door.Do"},
	}
}

// TestTheWaysThroughTheHouse: each function that a step in ARCHITECTURE.md names exists, and an earlier step calls it. A way
// has at most eight steps, and a step that enters a room a second time has the word "again" after the room's name.
func TestTheWaysThroughTheHouse(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, ways, _ := strings.Cut(string(text), "## Three ways through the house")
	ways, _, _ = strings.Cut(ways, "\n## ")
	p := loadProduct(t)
	funcs := p.named()
	step, named := regexp.MustCompile(`(?m)^[0-9]+\. (?:.|\n   )*`), regexp.MustCompile(`\x60([a-z]+)\.([A-Za-z.]+)\x60`)
	all, found, left := strings.Split(ways, "\n**")[1:], 0, handed()
	for _, way := range all {
		name, _, _ := strings.Cut(way, "**")
		entered := map[string]int{}
		var before []*gotypes.Func
		steps := step.FindAllString(way, -1)
		if len(steps) > 8 {
			t.Errorf("%s has %d steps, at most eight", name, len(steps))
		}
		for i, s := range steps {
			names := named.FindAllStringSubmatch(s, -1)
			if len(names) == 0 {
				t.Errorf("%s: this step names no function: %s", name, s)
			}
			for _, n := range names {
				found++
				full, fn := n[1]+"."+n[2], funcs[n[1]+"."+n[2]]
				if fn == nil {
					t.Errorf("%s: there is no %s", name, full)
					continue
				}
				if at, is := entered[n[1]]; is && at != i && !strings.Contains(s, n[1]+" again") {
					t.Errorf("%s: step %d enters %s again and does not say so", name, i+1, n[1])
				}
				entered[n[1]] = i
				if len(before) > 0 && !p.calls(before, fn) {
					how, is := handed()[full]
					if set := funcs[how.set]; !is || how.set != "" && (set == nil || !p.calls([]*gotypes.Func{set}, fn)) {
						t.Errorf("%s: no earlier step calls %s", name, full)
					}
					delete(left, full)
				}
				before = append(before, fn)
			}
		}
	}
	for name := range left {
		t.Errorf("%s is called by an earlier step: take it off handed()", name)
	}
	if len(all) != 3 || found < 35 {
		t.Errorf("%d ways with %d functions: the test looks at the wrong place", len(all), found)
	}
}

// named returns the functions and methods of the product by name, "package.Name" or "package.Type.Name".
func (p *product) named() map[string]*gotypes.Func {
	all := map[string]*gotypes.Func{}
	for fn := range p.declared() {
		name := path.Base(fn.Pkg().Path()) + "."
		if of := receiver(fn); of != nil {
			name += of.Obj().Name() + "."
		}
		all[name+fn.Name()] = fn
	}
	return all
}

// receiver returns the type of a method; nil for a function.
func receiver(fn *gotypes.Func) *gotypes.Named {
	recv := fn.Signature().Recv()
	if recv == nil {
		return nil
	}
	t := recv.Type()
	if ptr, is := t.(*gotypes.Pointer); is {
		t = ptr.Elem()
	}
	named, _ := gotypes.Unalias(t).(*gotypes.Named)
	return named
}

// calls reports whether one of several callers uses a function, directly or through other functions of the caller's package. If
// the function implements an interface's method, a use of that method counts too.
func (p *product) calls(from []*gotypes.Func, to *gotypes.Func) bool {
	seen := map[*gotypes.Func]bool{}
	of := receiver(to)
	var look func(fn *gotypes.Func) bool
	look = func(fn *gotypes.Func) bool {
		if seen[fn] {
			return false
		}
		seen[fn] = true
		for _, used := range p.uses[fn] {
			if used == to || of != nil && used.Name() == to.Name() && promises(used, of) || used.Pkg() == fn.Pkg() && look(used) {
				return true
			}
		}
		return false
	}
	for _, fn := range from {
		if look(fn) {
			return true
		}
	}
	return false
}

// promises reports whether a method is one of an interface that a type implements.
func promises(method *gotypes.Func, by *gotypes.Named) bool {
	recv := method.Signature().Recv()
	if recv == nil {
		return false
	}
	i, is := recv.Type().Underlying().(*gotypes.Interface)
	return is && gotypes.Implements(gotypes.NewPointer(by), i)
}

// full returns the name of a function, with the type in front for a method.
func full(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	of := fn.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	if typ, ok := of.(*ast.Ident); ok {
		return typ.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}
