package gateway_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThePageOfStatements: each row of docs/reference/mqtt-statements.md names a test that exists here, no statement of a version stands
// in two rows, the page has every statement of both versions and no other, and the code and the tests cite none that the page lacks.
func TestThePageOfStatements(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/mqtt-statements.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, cited := sources(t)
	number := regexp.MustCompile(`\b\d\.\d+\.\d+-\d+\b`)
	named := regexp.MustCompile(`^Test\w+$`)
	seen, rows := map[string]bool{}, 0
	see := func(version, statements string) {
		for _, n := range number.FindAllString(statements, -1) {
			if seen[version+n] {
				t.Errorf("two rows have %s%s", version, n)
			}
			seen[version+n] = true
		}
	}
	for line := range strings.Lines(string(text)) {
		if list, ok := strings.CutPrefix(line, "- MQTT "); ok { // of clients alone
			version, statements, _ := strings.Cut(list, ": ")
			see(version+" ", statements)
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) < 4 || !number.MatchString(cells[0]+cells[1]) {
			continue
		}
		rows++
		test := strings.TrimSpace(cells[len(cells)-1])
		if !named.MatchString(test) || !tests[test] {
			t.Errorf("there is no test %q: %s", test, line)
		}
		see("5 ", cells[0])
		see("3.1.1 ", cells[1])
	}
	if rows < 90 {
		t.Errorf("only %d rows found", rows)
	}
	for n, where := range cited {
		if !seen["5 "+n] && !seen["3.1.1 "+n] {
			t.Errorf("%s cites %s, which the page lacks", where, n)
		}
	}
	for _, n := range statements(t) {
		if !seen[n] {
			t.Errorf("the page lacks %s", n)
		}
		delete(seen, n)
	}
	for n := range seen {
		t.Errorf("there is no statement %s", n)
	}
}

// statements returns the numbers of all normative statements, after their version. Each section has the numbers from one to another.
func statements(t *testing.T) (all []string) {
	t.Helper()
	for version, sections := range map[string]string{
		"5 ": `1.5.4:1-3 1.5.5:1-1 1.5.7:1-1 2.1.3:1-1 2.2.1:2-6 2.2.2:1-1 3.1.0:1-2 3.1.2:1-30 3.1.3:1-12 3.1.4:1-6 3.2.0:1-2 3.2.2:1-22
			3.3.1:1-13 3.3.2:1-20 3.3.4:1-10 3.4.2:1-3 3.5.2:1-3 3.6.1:1-1 3.6.2:1-3 3.7.2:1-3 3.8.1:1-1 3.8.3:1-5 3.8.4:1-8 3.9.2:1-2 3.9.3:1-2
			3.10.1:1-1 3.10.3:1-2 3.10.4:1-6 3.11.2:1-2 3.11.3:1-2 3.12.4:1-1 3.14.0:1-1 3.14.1:1-1 3.14.2:1-4 3.14.4:1-3 3.15.1:1-1 3.15.2:1-3
			4.1.0:1-2 4.2.0:1-1 4.3.1:1-1 4.3.2:1-5 4.3.3:1-13 4.4.0:1-2 4.5.0:1-2 4.6.0:1-6 4.7.0:1-1 4.7.1:1-2 4.7.2:1-1 4.7.3:1-4 4.8.2:1-6
			4.9.0:1-3 4.12.0:1-7 4.12.1:1-2 4.13.1:1-1 4.13.2:1-1 6.0.0:1-4`,
		"3.1.1 ": `1.5.3:1-3 2.2.2:1-2 2.3.1:1-7 3.1.0:1-2 3.1.2:1-24 3.1.3:1-11 3.1.4:1-5 3.2.0:1-1 3.2.2:1-6 3.3.1:1-12 3.3.2:1-3 3.3.4:1-1
			3.3.5:1-2 3.6.1:1-1 3.8.1:1-1 3.8.3:1-4 3.8.4:1-6 3.9.3:1-2 3.10.1:1-1 3.10.3:1-2 3.10.4:1-6 3.12.4:1-1 3.14.1:1-1 3.14.4:1-3 4.1.0:1-2
			4.3.1:1-1 4.3.2:1-2 4.3.3:1-2 4.4.0:1-1 4.5.0:1-2 4.6.0:1-6 4.7.1:1-3 4.7.2:1-1 4.7.3:1-4 4.8.0:1-2 6.0.0:1-4 7.0.0:1-2 7.1.1:1-1
			7.1.2:1-1`,
	} {
		for _, s := range strings.Fields(sections) {
			section, numbers, _ := strings.Cut(s, ":")
			var first, last int
			if _, err := fmt.Sscanf(numbers, "%d-%d", &first, &last); err != nil {
				t.Fatal(err)
			}
			for n := first; n <= last; n++ {
				all = append(all, fmt.Sprintf("%s%s-%d", version, section, n))
			}
		}
	}
	return all
}

// sources returns the tests of the gateway and its codec, and the statements that its files cite.
func sources(t *testing.T) (tests map[string]bool, cited map[string]string) {
	t.Helper()
	tests, cited = map[string]bool{}, map[string]string{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	statement := regexp.MustCompile(`MQTT-(\d\.\d+\.\d+-\d+)`)
	for _, pattern := range []string{"*.go", "packet/*.go", "../app/again_test.go"} { // the last one has the outbox
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
