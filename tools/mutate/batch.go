package main

import (
	"fmt"
	"path/filepath"
	"slices"
)

// A test binary of a package with many imports takes longer to build than to run. Most mutants therefore share a binary: it holds
// their code in both forms, and a file has the number of the mutant that is on. A variable of the environment would
// not reach a program that a test starts with an environment of its own, as the scripts of cmd/paywatt do.

// switchFile declares the variable that the switched code reads.
func (c *code) switchFile() string { return filepath.Join(c.dir, "zz_mutant_switch.go") }

// switchText is the text of switchFile. The parameter numberFile names the file with the number.
func (c *code) switchText(numberFile string) []byte {
	return fmt.Appendf(nil, `package %s

import (
	"os"
	"strconv"
)

var mutantSwitch = func() int { b, _ := os.ReadFile(%q); n, _ := strconv.Atoi(string(b)); return n }()
`, c.trees[0].Name.Name, numberFile)
}

// both returns a mutant's host with a switch between its two forms: unchanged and mutated.
func (m *mutant) both() string {
	src, h := m.file.text, m.host
	was := string(src[h.from:h.to])
	is := string(src[h.from:m.from]) + m.change.text + string(src[m.to:h.to])
	switch {
	case h.typ != "":
		return fmt.Sprintf("func() %s { if mutantSwitch == %d { return %s }; return %s }()", h.typ, m.number, is, was)
	case m.whole:
		return fmt.Sprintf("if mutantSwitch != %d { %s }", m.number, was)
	}
	return fmt.Sprintf("if mutantSwitch == %d { %s } else { %s }", m.number, is, was)
}

// changedTexts returns the changed files of a package. A single mutant is always on; several mutants get a switch each.
func (c *code) changedTexts(set []*mutant, numberFile string) map[string][]byte {
	if len(set) == 1 {
		return map[string][]byte{set[0].file.path: set[0].text()}
	}
	return c.switchTexts(set, numberFile)
}

func (c *code) switchTexts(set []*mutant, numberFile string) map[string][]byte {
	out := map[string][]byte{c.switchFile(): c.switchText(numberFile)}
	sorted := slices.Clone(set)
	slices.SortFunc(sorted, func(a, b *mutant) int { return b.host.from - a.host.from }) // backwards, so that offsets stay valid
	for _, m := range sorted {
		text, ok := out[m.file.path]
		if !ok {
			text = m.file.text
		}
		out[m.file.path] = slices.Concat(text[:m.host.from], []byte(m.both()), text[m.host.to:])
	}
	return out
}

func (m *mutant) overlaps(o *mutant) bool {
	return m.file == o.file && m.host.from < o.host.to && o.host.from < m.host.to
}

// batches divides mutants into sets that can share a binary. A mutant that needs its own binary, such as a changed
// constant, is alone in its set.
func (c *code) batches(list []*mutant) [][]*mutant {
	var alone, sets [][]*mutant
next:
	for _, m := range list {
		if !c.compiles(c.switchTexts([]*mutant{m}, "")) {
			alone = append(alone, []*mutant{m})
			continue
		}
		for i, set := range sets {
			if !slices.ContainsFunc(set, m.overlaps) {
				sets[i] = append(set, m)
				continue next
			}
		}
		sets = append(sets, []*mutant{m})
	}
	return append(sets, alone...)
}
