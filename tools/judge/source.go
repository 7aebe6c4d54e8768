package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// sources are the files of the tests, below the working directory. The output of go test does not tell a t.Log from a t.Error; the line that
// wrote it does.
type sources struct {
	module string              // empty if the working directory is no module
	lines  map[string][]string // by the name of the file
}

func readSources() sources {
	s := sources{lines: map[string][]string{}}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return s
	}
	for line := range strings.Lines(string(mod)) {
		if name, is := strings.CutPrefix(line, "module "); is {
			s.module = strings.TrimSpace(name)
		}
	}
	return s
}

var (
	// logCall is a line that only calls Log or Logf of a test.
	logCall = regexp.MustCompile(`^\s*(?:\w+\.)*(?:t|b|tb)\.Logf?\((.*)`)
	// givesTest is a call that gets the test, and may fail it in this line.
	givesTest = regexp.MustCompile(`\b(t|b|tb)\b`)
)

// isLog reports whether a message of a package's test comes from t.Log. If the source is missing or says more, the message counts as a failure.
func (s sources) isLog(pkg, file, line string) bool {
	dir, within := strings.CutPrefix(pkg+"/", s.module+"/")
	n, err := strconv.Atoi(line)
	if s.module == "" || !within || err != nil {
		return false
	}
	name := path.Join(dir, file)
	if _, known := s.lines[name]; !known {
		text, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			text = nil
		}
		s.lines[name] = strings.Split(string(text), "\n")
	}
	if n < 1 || n > len(s.lines[name]) {
		return false
	}
	call := logCall.FindStringSubmatch(s.lines[name][n-1])
	return call != nil && !givesTest.MatchString(call[1])
}
