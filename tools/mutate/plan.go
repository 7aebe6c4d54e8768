package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"strings"
)

// packagesText says which tests belong to which package; equivalentText lists mutants that change nothing.
//
//go:embed packages.txt
var packagesText string

//go:embed equivalent.txt
var equivalentText string

// suite is the tests of one package, or some of them.
type suite struct {
	pkg  string   // relative to the module, such as ./internal/ledger
	args []string // arguments of the test binary
}

func (s suite) String() string { return strings.Join(append([]string{s.pkg}, s.args...), " ") }

// parseSuite parses a package with flags for its tests: "./internal/vending -skip Million".
func parseSuite(words []string) suite {
	s := suite{pkg: clean(words[0])}
	for _, w := range words[1:] {
		switch w {
		case "-run", "-skip", "-short":
			w = "-test." + w[1:]
		}
		s.args = append(s.args, w)
	}
	return s
}

func clean(pkg string) string { return "./" + strings.Trim(strings.TrimPrefix(pkg, "./"), "/") }

// plan says which tests should notice the mutants of a package.
type plan struct {
	pkg       string
	own, also []suite
}

// parsePlans reads packages.txt.
func parsePlans(text string) ([]plan, error) {
	var all []plan
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case len(words) > 1 && len(all) > 0 && words[0] == "own":
			all[len(all)-1].own = append(all[len(all)-1].own, parseSuite(words[1:]))
		case len(words) > 1 && len(all) > 0 && words[0] == "also":
			all[len(all)-1].also = append(all[len(all)-1].also, parseSuite(words[1:]))
		case len(words) == 2 && words[0] == "package":
			all = append(all, plan{pkg: clean(words[1])})
		default:
			return nil, fmt.Errorf("packages.txt: cannot read %q", lines.Text())
		}
	}
	return all, nil
}

// planFor returns the plan of a package. Without an entry, a package has only its own tests.
func planFor(all []plan, pkg string) plan {
	p := plan{pkg: clean(pkg)}
	for _, other := range all {
		if other.pkg == p.pkg {
			p = other
		}
	}
	if len(p.own) == 0 {
		p.own = []suite{{pkg: p.pkg}}
	}
	return p
}

// equivalent is a mutant that does not change behaviour, with the reason.
type equivalent struct {
	file, function, before, after, because string
}

func (e equivalent) key() string {
	return strings.Join([]string{e.file, e.function, e.before, e.after}, "\n")
}

// parseEquivalents reads equivalent.txt.
func parseEquivalents(text string) ([]equivalent, error) {
	var all []equivalent
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		mark, rest, _ := strings.Cut(line, " ")
		if mark != "-" && mark != "+" && mark != "because" {
			all = append(all, equivalent{file: mark, function: strings.TrimSpace(rest)})
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("equivalent.txt: %q comes before a file", line)
		}
		e := &all[len(all)-1]
		switch mark {
		case "-":
			e.before = rest
		case "+":
			e.after = rest
		case "because":
			e.because = rest
		}
	}
	for _, e := range all {
		if e.before == "" || e.after == "" || e.because == "" {
			return nil, fmt.Errorf("equivalent.txt: %s %s needs the lines -, + and because", e.file, e.function)
		}
	}
	return all, nil
}
