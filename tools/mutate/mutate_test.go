package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
)

var update = flag.Bool("update", false, "rewrite the list of mutants in testdata")

const tiny = "./tools/mutate/testdata/tiny"

func newRunner(t *testing.T, excused map[string]string) *runner {
	t.Helper()
	root, err := goCommand(t.Context(), "", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		t.Fatal(err)
	}
	return &runner{out: t.Output(), excused: excused,
		shop: &workshop{root: strings.TrimSpace(string(root)), tmp: t.TempDir(), timeout: time.Second, covered: map[string]*measured{}}}
}

// TestEachMistakeIsJudged tries chosen mutants of the package in testdata.
func TestEachMistakeIsJudged(t *testing.T) {
	tier.Slow(t)
	const constant = "tools/mutate/testdata/tiny/tiny.go\n\nconst two = 2\nconst two = 3"
	r := newRunner(t, map[string]string{constant: "planted"})
	c, err := load(t.Context(), r.shop.root, tiny)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*mutant{}
	for _, here := range c.all() {
		for _, m := range here {
			all[m.before+" → "+m.after] = m
		}
	}
	p := plan{pkg: tiny, own: []suite{{pkg: tiny}}, also: []suite{parseSuite([]string{tiny + "/user", "-run", "Twice"})}}
	wants := []struct {
		mutant, outcome, by string
		line                int
	}{
		{"if n < 10 { → if n <= 10 {", "survived", "", 6},
		{"if n < 10 { → if true {", "own", tiny + ": TestFee", 6},
		{"return n + n → return n - n", "other", tiny + "/user: TestTwice", 14},
		{"return n / two → return n * two", "survived", "", 19},
		{"list = list[1:] → (dropped)", "own", tiny + ": time-out", 25},
		{"return list[0] → return list[1]", "own", tiny + ": TestLast", 27},
		{"return n * n → return n / n", "own", tiny + ": TestSquare", 32},
		{"const two = 2 → const two = 3", "equivalent", "planted", 35},
	}
	var hand []*mutant
	for i, want := range wants {
		m := all[want.mutant]
		if m == nil {
			t.Fatalf("%s is not among the mutants:\n%s", want.mutant, strings.Join(slices.Sorted(maps.Keys(all)), "\n"))
		}
		m.number = i + 1
		hand = append(hand, m)
	}
	var sizes []int // the two mutants at line 6 cannot share a binary, and a constant needs its own binary
	for _, set := range c.batches(hand) {
		sizes = append(sizes, len(set))
	}
	if !slices.Equal(sizes, []int{6, 1, 1}) {
		t.Errorf("%d mutants have binaries of %v", len(hand), sizes)
	}
	results, err := r.judge(t.Context(), p, c, hand)
	if err != nil || len(results) != len(wants) {
		t.Fatal(len(results), err)
	}
	for i, want := range wants {
		got := results[i]
		if got.Outcome != want.outcome || got.By != want.by || got.Line != want.line || got.Uncov != (want.line == 14 || want.line == 19) {
			t.Errorf("%s: got %s by %q at line %d, want %s by %q at line %d", want.mutant, got.Outcome, got.By, got.Line, want.outcome, want.by, want.line)
		}
	}
}

// TestASeedDrawsTheSameMutants also checks that mutants compile, and that no place has two mutants.
func TestASeedDrawsTheSameMutants(t *testing.T) {
	r := newRunner(t, nil)
	c, err := load(t.Context(), r.shop.root, "./tools/mutate/testdata/kinds")
	if err != nil {
		t.Fatal(err)
	}
	draw := func(seed uint64) (all []string) {
		d := shuffled(c, rand.New(rand.NewPCG(seed, 0)))
		for m := d.next(); m != nil; m = d.next() {
			all = append(all, m.key())
			if m.function == "Refusal.m" && m.line == 33 {
				t.Errorf("drew a mutant that does not compile: %s", m.after)
			}
		}
		return all
	}
	one, again, other := draw(1), draw(1), draw(2)
	if !slices.Equal(one, again) || slices.Equal(one, other) || len(one) != len(other) || len(one) > len(c.all()) || len(one) < 10 {
		t.Errorf("seed 1 drew\n%q\nand\n%q\nseed 2 drew\n%q", one, again, other)
	}
	d := shuffled(c, rand.New(rand.NewPCG(1, 0)))
	if n := d.keep([]string{"kinds.go:20", "other.go:14"}); n != 1 || d.next().before != "a++" || d.next() != nil {
		t.Errorf("%d mutants of one line, want 1", n)
	}
}

// TestMutantsOfOneFile checks that a file without mutants leaves none, and that another file leaves only its own.
func TestMutantsOfOneFile(t *testing.T) {
	r := newRunner(t, nil)
	c, err := load(t.Context(), r.shop.root, "./tools/mutate/testdata/kinds")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"kinds.go": true, "other.go": false} {
		d := shuffled(c, rand.New(rand.NewPCG(1, 0)))
		d.keepFiles([]string{name})
		if got := d.next() != nil; got != want {
			t.Errorf("%s: a mutant was drawn: %v, want %v", name, got, want)
		}
	}
}

func TestTheFloorDecidesTheExitCode(t *testing.T) {
	var out, errs strings.Builder
	code := command(t.Context(), []string{"-json", "-n", "1", "-seed", "1", "-also", "none", "-floor", "100.5", tiny}, &out, &errs)
	var m result
	var sum tally
	dec := json.NewDecoder(strings.NewReader(out.String()))
	if err := errors.Join(dec.Decode(&m), dec.Decode(&sum)); err != nil {
		t.Fatal(err, errs.String())
	}
	if code != 1 || !strings.Contains(errs.String(), "below 100 %: "+tiny) || m.File == "" || sum.Mutants != 1 {
		t.Errorf("exit %d: %s %+v %+v", code, errs.String(), m, sum)
	}
}

func TestARunNeedsTestsThatPass(t *testing.T) {
	var out, errs strings.Builder
	code := command(t.Context(), []string{"-n", "1", "./tools/mutate/testdata/broken"}, &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "the tests fail without a mutant") || !strings.Contains(errs.String(), "TestOne") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// TestEveryKindOfMistake lists all mutants of a short file. "alone" marks mutants that no binary can hold in both
// forms.
func TestEveryKindOfMistake(t *testing.T) {
	r := newRunner(t, nil)
	c, err := load(t.Context(), r.shop.root, "./tools/mutate/testdata/kinds")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, here := range c.all() {
		for _, m := range here {
			fmt.Fprintf(&got, "%d %s: %s → %s", m.line, m.function, m.before, m.after)
			if !c.compiles(map[string][]byte{m.file.path: m.text()}) {
				got.WriteString(" (does not compile)")
			} else if !c.compiles(c.switchTexts([]*mutant{m}, "")) {
				got.WriteString(" (alone)")
			}
			got.WriteByte('\n')
		}
	}
	const file = "testdata/kinds/mutants.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s", got.String())
	}
}

// isOwnFlag reports whether an argument is a flag that a package's tests would have to define.
func isOwnFlag(arg string) bool {
	return strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "-test.")
}

// TestListsMatchTheCode compares the committed lists with the packages: each test package exists, and the tool can still
// draw each equivalent mutant.
func TestListsMatchTheCode(t *testing.T) {
	tier.Slow(t)
	plans, err := parsePlans(packagesText)
	if err != nil || len(plans) < 14 {
		t.Fatal(len(plans), err)
	}
	var names []string
	for _, p := range plans {
		names = append(names, p.pkg)
		for _, s := range append(planFor(plans, p.pkg).own, p.also...) {
			names = append(names, s.pkg)
			// The tests fail for every mutant if their package lacks a flag. Counts are no flags any more.
			if i := slices.IndexFunc(s.args, isOwnFlag); i >= 0 {
				t.Errorf("packages.txt: %s: no package of the list has a flag %s", s.pkg, s.args[i])
			}
		}
	}
	r := newRunner(t, nil)
	if _, err := goCommand(t.Context(), r.shop.root, append([]string{"list"}, names...)...); err != nil {
		t.Error(err)
	}
	list, err := parseEquivalents(equivalentText)
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]map[string]bool{} // keys by package
	for _, e := range list {
		dir := "./" + e.file[:strings.LastIndexByte(e.file, '/')]
		if drawn[dir] == nil {
			drawn[dir] = keys(t.Context(), t, r, dir)
		}
		if !drawn[dir][e.key()] {
			t.Errorf("equivalent.txt: %s %s: no such mutant any more:\n- %s\n+ %s", e.file, e.function, e.before, e.after)
		}
	}
}

func keys(ctx context.Context, t *testing.T, r *runner, pkg string) map[string]bool {
	t.Helper()
	c, err := load(ctx, r.shop.root, pkg)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, here := range c.all() {
		for _, m := range here {
			out[m.key()] = true
		}
	}
	return out
}

func TestListsAreReadStrictly(t *testing.T) {
	for _, text := range []string{"own ./a", "package", "package ./a\nother ./b", "package ./a\nown"} {
		if _, err := parsePlans(text); err == nil {
			t.Errorf("packages.txt accepts %q", text)
		}
	}
	for _, text := range []string{"- a", "a.go f\n- a\n+ b", "a.go f\n- a\nbecause c", "a.go f\n+ b\nbecause c"} {
		if _, err := parseEquivalents(text); err == nil {
			t.Errorf("equivalent.txt accepts %q", text)
		}
	}
	got, err := parseEquivalents("# words\n\na.go T.f\n\t- if a {\n\t+ if true {\n\tbecause a holds\n")
	if want := (equivalent{"a.go", "T.f", "if a {", "if true {", "a holds"}); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, %v", got, err)
	}
	plans, err := parsePlans("package ./a # words\nown a -skip X|Y\nalso ./b/ -short -days 3\n")
	if err != nil || fmt.Sprint(plans[0].own, plans[0].also) != "[./a -test.skip X|Y] [./b -test.short -days 3]" {
		t.Errorf("got %v, %v", plans, err)
	}
}
