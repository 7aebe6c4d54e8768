package storetest

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
)

// Found holds the findings of a verification after one row was edited outside the server.
type Found struct {
	Edit  string
	Kinds []string
}

// Kinds returns the kinds of a report's findings and notices: the rule and its sentence, without the parts that differ between runs.
func Kinds(r *store.Report) []string {
	var out []string
	for _, f := range slices.Concat(r.Findings, r.Notices) {
		out = append(out, f.Rule+": "+sameSentence(f.What))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sameSentence replaces the names and numbers in a finding.
func sameSentence(s string) string {
	s = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(s, `"x"`)
	s = regexp.MustCompile(`\b([a-z]{3})_(?:[a-z]{3}_)*[0-9a-z]{26}`).ReplaceAllString(s, `$1`)
	s = regexp.MustCompile(`(is not signed by this database's key): .*`).ReplaceAllString(s, `$1`)
	s = regexp.MustCompile(`\((?:[a-z-]+ [^ ]*|[a-z.]+ of [^)]*)\)`).ReplaceAllString(s, `(x)`)
	s = regexp.MustCompile(`-?\d[\d.:/-]*`).ReplaceAllString(s, `N`)
	return regexp.MustCompile(`acc(:dbt)+`).ReplaceAllString(s, `acc`)
}

// HoldFound compares the findings after each edit with a file that lists the findings expected for it. So if a rule is switched off, the
// test fails for every edit that this rule must find. If the parameter update is true, HoldFound writes the file again.
func HoldFound(t *testing.T, file string, got []Found, update bool) {
	t.Helper()
	if update {
		var b strings.Builder
		for _, f := range got {
			fmt.Fprintf(&b, "%s\n", f.Edit)
			for _, k := range f.Kinds {
				fmt.Fprintf(&b, "\t%s\n", k)
			}
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	edit := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if kind, ok := strings.CutPrefix(line, "\t"); ok {
			want[edit] = append(want[edit], kind)
			continue
		}
		edit = line
	}
	for _, f := range got {
		if len(want[f.Edit]) == 0 {
			t.Errorf("%s names no rule that must find this edit: %s (found: %q)", file, f.Edit, f.Kinds)
		}
		for _, kind := range want[f.Edit] {
			if !slices.Contains(f.Kinds, kind) {
				t.Errorf("%s: not found by the rule\n\t%s\nbut by %q", f.Edit, kind, f.Kinds)
			}
		}
	}
}
