package gateway_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThePageOfStatements: each row of docs/reference/mqtt-statements.md names a test that exists here, no statement of a version stands
// in two rows of the first table, and the page has every statement that a test or the code cites.
func TestThePageOfStatements(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/mqtt-statements.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, cited := sources(t)
	number := regexp.MustCompile(`\b\d\.\d+\.\d+-\d+\b`)
	named := regexp.MustCompile(`^Test\w+$`)
	on, seen, rows := map[string]bool{}, map[string]bool{}, 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) < 4 || !number.MatchString(cells[0]+cells[1]) {
			continue
		}
		rows++
		test := strings.TrimSpace(cells[len(cells)-1])
		if !named.MatchString(test) || !tests[test] {
			t.Errorf("there is no test %q: %s", test, line)
		}
		for version, cell := range cells[:2] {
			for _, n := range number.FindAllString(cell, -1) {
				key := []string{"5 ", "3.1.1 "}[version] + n
				if seen[key] {
					t.Errorf("two rows have %s", key)
				}
				seen[key], on[n] = true, true
			}
		}
	}
	if rows < 90 {
		t.Errorf("only %d rows found", rows)
	}
	for n, where := range cited {
		if !on[n] {
			t.Errorf("%s cites %s, which the page lacks", where, n)
		}
	}
}

// sources returns the tests of the gateway and its codec, and the statements that its files cite.
func sources(t *testing.T) (tests map[string]bool, cited map[string]string) {
	t.Helper()
	tests, cited = map[string]bool{}, map[string]string{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	statement := regexp.MustCompile(`MQTT-(\d\.\d+\.\d+-\d+)`)
	for _, pattern := range []string{"*.go", "packet/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range function.FindAllSubmatch(b, -1) {
				tests[string(m[1])] = true
			}
			for _, m := range statement.FindAllSubmatch(b, -1) {
				cited[string(m[1])] = f
			}
		}
	}
	return tests, cited
}
