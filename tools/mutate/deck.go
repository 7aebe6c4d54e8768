package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
)

// deck deals mutants that compile, in random order, at most one for each place of the source.
type deck struct {
	code  *code
	cards [][]*mutant
	dealt int
	rnd   *rand.Rand
}

func shuffled(c *code, rnd *rand.Rand) *deck {
	d := &deck{code: c, cards: c.all(), rnd: rnd}
	rnd.Shuffle(len(d.cards), func(i, j int) { d.cards[i], d.cards[j] = d.cards[j], d.cards[i] })
	return d
}

// next returns the next mutant, or nil when every place has had its mutant.
func (d *deck) next() *mutant {
	for len(d.cards) > 0 {
		here := d.cards[0]
		d.cards = d.cards[1:]
		if m := here[d.rnd.IntN(len(here))]; m.before != m.after && d.code.compiles(map[string][]byte{m.file.path: m.text()}) {
			d.dealt++
			m.number = d.dealt
			return m
		}
	}
	return nil
}

// keep leaves only the mutants of the given lines ("file.go:30"), in the order of the source, and returns the number of
// mutants left.
func (d *deck) keep(lines []string) int {
	var kept [][]*mutant
	for _, here := range d.code.all() {
		for _, m := range here {
			if at := fmt.Sprintf("%s:%d", filepath.Base(m.file.name), m.line); slices.Contains(lines, at) {
				kept = append(kept, []*mutant{m})
			}
		}
	}
	d.cards = kept
	return len(kept)
}

// keepFiles leaves only the mutants of the given files ("sale.go").
func (d *deck) keepFiles(names []string) {
	d.cards = slices.DeleteFunc(d.cards, func(here []*mutant) bool {
		return !slices.Contains(names, filepath.Base(here[0].file.name))
	})
}

// hand deals up to n mutants.
func (d *deck) hand(n int) (out []*mutant) {
	for len(out) < n {
		m := d.next()
		if m == nil {
			return out
		}
		out = append(out, m)
	}
	return out
}
