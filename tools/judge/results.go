package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// test is a top-level test of a package with all that it and its subtests did, once for each time that it ran.
// A package itself is a test without a name: it fails when it does not build, or when it ends before its tests do.
type test struct {
	pkg, name string
	attempts  []attempt
}

func (t *test) String() string { return strings.TrimSuffix(t.pkg+"."+t.name, ".") }

// attempt is one run of a test.
type attempt struct {
	outcome string // "pass", "fail" or "skip"; empty while it runs
	seconds float64
	log     strings.Builder
}

// results are the tests of some runs, in the order in which they began.
type results struct {
	tests  []*test
	byName map[string]*test
}

func (r *results) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.read(f)
}

// read adds a run. A run that was cut off leaves tests without an outcome.
func (r *results) read(from io.Reader) error {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if bad := json.Unmarshal(line, &e); bad != nil {
				return fmt.Errorf("line %.80q: %w", line, bad)
			}
			r.add(e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *results) add(e event) {
	if e.Package == "" {
		return // what a build prints also comes with its package
	}
	root, _, isSub := strings.Cut(e.Test, "/")
	t := r.test(e.Package, root)
	if len(t.attempts) == 0 || !isSub && e.Action == "run" || e.Action == "start" {
		t.attempts = append(t.attempts, attempt{}) // a package that does not build has no start
	}
	now := &t.attempts[len(t.attempts)-1]
	switch e.Action {
	case "output":
		now.log.WriteString(e.Output)
	case "pass", "fail", "skip":
		if !isSub {
			now.outcome = e.Action
			now.seconds = e.Elapsed
		}
	}
}

// test returns the test of a name, new or not.
func (r *results) test(pkg, name string) *test {
	key := pkg + "." + name
	if t, known := r.byName[key]; known {
		return t
	}
	t := &test{pkg: pkg, name: name}
	if r.byName == nil {
		r.byName = map[string]*test{}
	}
	r.byName[key] = t
	r.tests = append(r.tests, t)
	return t
}
