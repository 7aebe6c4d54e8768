package print

import (
	"slices"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// visual returns a line of text as it is drawn, from left to right: Arabic letters joined, and text that is read from the right reversed.
// It follows UAX #9 for text without explicit embeddings, which [clean] removes. The parameter rtl is the direction of the whole paper. A
// line without a letter that is read from the right is read from the left on any paper.
func visual(s string, rtl bool) []rune {
	text := []rune(norm.NFC.String(s))
	if fromLeft(text) {
		return text
	}
	rtl = rtl || beginsRight(text)
	text = shape(text)
	levels := levelsOf(text, rtl)
	out := slices.Clone(text)
	for i, r := range out {
		if levels[i]%2 == 1 {
			out[i] = mirrored(r)
		}
	}
	highest := slices.Max(append(levels, 0))
	for level := highest; level > 0; level-- { // rule L2
		for from := 0; from < len(out); from++ {
			to := from
			for to < len(out) && levels[to] >= level {
				to++
			}
			slices.Reverse(out[from:to])
			slices.Reverse(levels[from:to])
			from = max(from, to)
		}
	}
	return signsLast(out)
}

// fromLeft reports whether no letter of a text is read from the right.
func fromLeft(text []rune) bool {
	return !slices.ContainsFunc(text, func(r rune) bool { c := classOf(r); return c == bidi.R || c == bidi.AL })
}

// beginsRight reports whether the first letter of a text is read from the right.
func beginsRight(text []rune) bool {
	for _, r := range text {
		switch classOf(r) {
		case bidi.R, bidi.AL:
			return true
		case bidi.L:
			return false
		}
	}
	return false
}

func classOf(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}

// signsLast puts the signs of a reversed letter behind the letter again, because they are drawn over what stands before them.
func signsLast(text []rune) []rune {
	for i := 0; i < len(text); i++ {
		from := i
		for i < len(text) && arabicSign(text[i]) {
			i++
		}
		if i > from && i < len(text) {
			slices.Reverse(text[from : i+1])
		}
	}
	return text
}

// levelsOf returns the level of each letter: odd levels are read from the right.
func levelsOf(text []rune, rtl bool) []int {
	base := 0
	if rtl {
		base = 1
	}
	classes := make([]bidi.Class, len(text))
	for i, r := range text {
		classes[i] = classOf(r)
	}
	edge := bidi.L
	if rtl {
		edge = bidi.R
	}
	weak(classes, edge)
	neutral(classes, edge)
	levels := make([]int, len(text))
	for i, c := range classes { // rules I1 and I2
		switch {
		case c == bidi.R:
			levels[i] = 1
		case c == bidi.EN || c == bidi.AN:
			levels[i] = 2
		case c == bidi.L && rtl:
			levels[i] = 2
		default:
			levels[i] = base
		}
	}
	return levels
}

// weak resolves numbers and what stands in and beside them (rules W1 to W7).
func weak(c []bidi.Class, edge bidi.Class) {
	before := edge // W1, W2, W3
	strong := edge
	for i := range c {
		if c[i] == bidi.NSM {
			c[i] = before
		}
		before = c[i]
		switch c[i] {
		case bidi.L, bidi.R, bidi.AL:
			strong = c[i]
		case bidi.EN:
			if strong == bidi.AL {
				c[i] = bidi.AN
			}
		}
	}
	for i := range c {
		if c[i] == bidi.AL {
			c[i] = bidi.R
		}
	}
	for i := 1; i+1 < len(c); i++ { // W4
		a, b := c[i-1], c[i+1]
		if a == b && (a == bidi.EN && (c[i] == bidi.ES || c[i] == bidi.CS) || a == bidi.AN && c[i] == bidi.CS) {
			c[i] = a
		}
	}
	for i := 0; i < len(c); i++ { // W5, W6
		from := i
		for i < len(c) && c[i] == bidi.ET {
			i++
		}
		beside := from > 0 && c[from-1] == bidi.EN || i < len(c) && c[i] == bidi.EN
		for j := from; j < i; j++ {
			if c[j] = bidi.ON; beside {
				c[j] = bidi.EN
			}
		}
		if i < len(c) && (c[i] == bidi.ES || c[i] == bidi.CS) {
			c[i] = bidi.ON
		}
	}
	strong = edge // W7
	for i := range c {
		switch c[i] {
		case bidi.L, bidi.R:
			strong = c[i]
		case bidi.EN:
			if strong == bidi.L {
				c[i] = bidi.L
			}
		}
	}
}

// neutral gives blanks and signs the direction of what stands around them, or that of the line (rules N1 and N2).
func neutral(c []bidi.Class, edge bidi.Class) {
	side := func(i int) bidi.Class {
		switch {
		case i < 0 || i >= len(c):
			return edge
		case c[i] == bidi.L:
			return bidi.L
		}
		return bidi.R // numbers count as R
	}
	is := func(x bidi.Class) bool { return x != bidi.L && x != bidi.R && x != bidi.EN && x != bidi.AN }
	for i := 0; i < len(c); i++ {
		from := i
		for i < len(c) && is(c[i]) {
			i++
		}
		if from == i {
			continue
		}
		becomes := edge
		if before, after := side(from-1), side(i); before == after {
			becomes = before
		}
		for j := from; j < i; j++ {
			c[j] = becomes
		}
	}
}

// mirrored returns the other one of a pair of brackets (rule L4).
func mirrored(r rune) rune {
	switch r {
	case '(':
		return ')'
	case ')':
		return '('
	case '[':
		return ']'
	case ']':
		return '['
	case '{':
		return '}'
	case '}':
		return '{'
	case '<':
		return '>'
	case '>':
		return '<'
	case '«':
		return '»'
	case '»':
		return '«'
	}
	return r
}
