package arch_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// recompiled are the tests for which Go compiles other packages of ours a second time, with the reason and the number of these packages.
func recompiled() map[string]struct {
	packages int
	why      string
} {
	type test = struct {
		packages int
		why      string
	}
	return map[string]test{
		"internal/vending":     {1, "words_test.go reads the sentences of internal/explain for sales that only the inside can derive"},
		"meter":                {2, "the explorer looks at states"},
		"internal/api":         {1, "its converters are tested from inside, and the whole program serves it"},
		"internal/web/console": {1, "its pages are tested from inside, and the whole program serves it"},
	}
}

// TestTestsDoNotRecompileThePackagesBetween: if a package has tests inside, and its tests outside import a package that imports it, Go compiles all
// packages between the two again, for this one test. Such a test belongs outside too, or into another package.
func TestTestsDoNotRecompileThePackagesBetween(t *testing.T) {
	again := map[string][]string{}
	for line := range strings.Lines(goCommand(t, "list", "-test", "-deps", "-f", "{{with .ForTest}}{{.}} {{$.ImportPath}}{{end}}", module+"/...")) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if tested, pkg := words[0], words[1]; pkg != tested && pkg != tested+"_test" {
			again[strings.TrimPrefix(tested, module+"/")] = append(again[strings.TrimPrefix(tested, module+"/")], strings.TrimPrefix(pkg, module+"/"))
		}
	}
	left := recompiled()
	for _, tested := range slices.Sorted(maps.Keys(again)) {
		if got, most := len(again[tested]), left[tested].packages; got > most {
			t.Errorf("the tests of %s compile %d packages a second time, at most %d are allowed: move the tests inside it out, or those that import %s",
				tested, got, most, strings.Join(again[tested], ", "))
		}
		delete(left, tested)
	}
	for tested := range left {
		t.Errorf("the tests of %s compile nothing a second time: take it off recompiled()", tested)
	}
}
