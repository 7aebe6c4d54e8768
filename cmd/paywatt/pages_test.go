package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/internal/tier"
)

const repository = "../.."

// pages are all Markdown pages of the repository by their path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), "paywatt-")) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			b, err := os.ReadFile(path)
			found[path] = string(b)
			return err
		}
		return nil
	})
	if err != nil || len(found) < 15 {
		t.Fatalf("%d pages found, %v", len(found), err)
	}
	return found
}

var (
	linkTo  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	notSlug = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// TestEveryLinkLeadsSomewhere: relative links name an existing file and one of its headings.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	all, links := pages(t), 0
	for page, text := range all {
		for _, m := range linkTo.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, m[1])
			} else if anchor != "" && !hasHeading(all[target], anchor) {
				t.Errorf("%s: %s has no heading #%s", page, target, anchor)
			}
		}
	}
	if links < 40 {
		t.Errorf("only %d links found: the test does not see them", links)
	}
}

func hasHeading(text, anchor string) bool {
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		if strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-") == anchor {
			return true
		}
	}
	return false
}

// TestThePageOfPagesIsComplete: docs/README.md links every page below docs.
func TestThePageOfPagesIsComplete(t *testing.T) {
	index := filepath.Join(repository, "docs", "README.md")
	all := pages(t)
	for page := range all {
		name, err := filepath.Rel(filepath.Dir(index), page)
		if err == nil && !strings.HasPrefix(name, "..") && page != index && !strings.Contains(all[index], "("+filepath.ToSlash(name)+")") {
			t.Errorf("docs/README.md does not link %s", name)
		}
	}
}

var (
	fence  = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")
	inline = regexp.MustCompile("`([^`]+)`")
	call   = regexp.MustCompile(`(?:^|[\s(|;&$])(?:\./|go run \./cmd/)?paywatt((?: +(?:"[^"]*"|'[^']*'|[^\s"';&|>)]+|[^\s|]*\|[^\s]+))*)`)
	word   = regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`)
)

// written returns the command lines of a page: the complete lines in its blocks, and the lines in its sentences, which may leave out words.
func written(text string) (whole, parts [][]string) {
	rest := fence.ReplaceAllStringFunc(text, func(block string) string {
		block = strings.ReplaceAll(fence.FindStringSubmatch(block)[1], "\\\n", " ")
		for line := range strings.Lines(block) {
			whole = append(whole, calls(strings.TrimSpace(line))...)
		}
		return ""
	})
	for _, m := range inline.FindAllStringSubmatch(strings.ReplaceAll(rest, "\n", " "), -1) {
		parts = append(parts, calls(m[1])...)
	}
	return whole, parts
}

// calls returns the command lines of this program in a line of a shell. A line of SQL, or of the output of go build, is not a command line.
func calls(line string) [][]string {
	var out [][]string
	if strings.HasPrefix(line, "ALTER ") || strings.HasPrefix(line, "go build ") {
		return nil
	}
	for _, m := range call.FindAllStringSubmatch(line, -1) {
		words := word.FindAllString(m[1], -1)
		for i := range words {
			words[i] = strings.Trim(words[i], `"'`)
		}
		out = append(out, words)
	}
	return out
}

// alternatives expands a|b in the verb: paywatt tariff show|list is two commands.
func alternatives(words []string) [][]string {
	for i, w := range words {
		if i < 2 && strings.Contains(w, "|") {
			var out [][]string
			for a := range strings.SplitSeq(w, "|") {
				out = append(out, append(append(append([]string{}, words[:i]...), a), words[i+1:]...))
			}
			return out
		}
	}
	return [][]string{words}
}

// problem says what is wrong with a command line, or returns "".
func problem(words []string, whole bool) string {
	root := wholeTree()
	if len(words) == 0 {
		return ""
	}
	if f := unknownCommand(root, words); f != nil {
		return f.What
	}
	cmd, rest, err := root.Find(words)
	if err != nil {
		return err.Error()
	}
	cmd.InitDefaultHelpFlag()
	args, wrong := options(cmd, rest)
	if wrong != "" || !whole || !cmd.Runnable() || cmd.Flags().Changed("help") {
		return wrong
	}
	if err := cmd.ValidateArgs(args); err != nil {
		return err.Error()
	}
	return ""
}

// placeholder is a word that stands for a value: FILE, DIR, …
var placeholder = regexp.MustCompile(`^[A-Z]+$|…|\.\.\.`)

// options looks up the options among the words and sets them; the rest are the arguments.
func options(cmd *cobra.Command, words []string) (args []string, wrong string) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		var f *pflag.Flag
		name, value, valued := strings.Cut(w, "=")
		switch {
		case strings.HasPrefix(w, "--"):
			f = cmd.Flag(name[2:])
		case strings.HasPrefix(w, "-") && len(w) == 2:
			if f = cmd.Flags().ShorthandLookup(w[1:]); f == nil {
				f = cmd.InheritedFlags().ShorthandLookup(w[1:])
			}
		default:
			args = append(args, w)
			continue
		}
		if f == nil {
			return nil, cmd.CommandPath() + " has no option " + w
		}
		if f.NoOptDefVal != "" && !valued {
			value, valued = f.NoOptDefVal, true
		}
		if !valued && i+1 < len(words) {
			i++
			value, valued = words[i], true
		}
		if valued && !placeholder.MatchString(value) {
			if err := cmd.Flags().Set(f.Name, value); err != nil {
				return nil, err.Error()
			}
		}
	}
	return args, ""
}

// TestEveryCommandOnThePagesExists: the command lines on the pages and in the examples of --help are valid.
func TestEveryCommandOnThePagesExists(t *testing.T) {
	tier.Slow(t)
	seen, said := 0, map[string]string{} // what is wrong with a line that was seen
	check := func(where string, lines [][]string, whole bool) {
		for _, line := range lines {
			for _, words := range alternatives(line) {
				seen++
				key := fmt.Sprintf("%t %q", whole, words)
				what, judged := said[key]
				if !judged {
					what = problem(words, whole)
					said[key] = what
				}
				if what != "" {
					t.Errorf("%s: paywatt %s: %s", where, strings.Join(words, " "), what)
				}
			}
		}
	}
	for page, text := range pages(t) {
		whole, parts := written(text)
		check(page, whole, true)
		check(page, parts, false)
	}
	eachCommand(wholeTree(), func(cmd *cobra.Command) {
		for line := range strings.Lines(strings.ReplaceAll(cmd.Example, "\\\n", " ")) {
			found := calls(strings.TrimSpace(line))
			if len(found) == 0 {
				t.Errorf("%s: the example %q is no command line", cmd.CommandPath(), line)
			}
			check(cmd.CommandPath()+" --help", found, true)
		}
	})
	if seen < 100 {
		t.Errorf("only %d command lines found: the test does not see them", seen)
	}
}

// TestTheTestOfPagesSees: a page with a wrong command, option, value or number of words is found.
func TestTheTestOfPagesSees(t *testing.T) {
	for _, line := range []string{"paywatt sell 1", "paywatt meter sell", "paywatt meter list --every", "paywatt vend 04140001001",
		"paywatt sim --meters many", "x | ./paywatt vendingkey remove", "K=$(./paywatt apikey create --roles owner)"} {
		found := calls(line)
		if len(found) != 1 || problem(found[0], true) == "" {
			t.Errorf("%q: got no problem, want one (read as %q)", line, found)
		}
	}
	for _, line := range []string{"paywatt vend 04140001001 100 -o json", "paywatt serve --http ADDR > ready &", "go run ./cmd/paywatt demo --once",
		`paywatt vendor add "Corner shop" --commission 1.5`, "paywatt meter --help"} {
		for _, words := range calls(line) {
			if what := problem(words, true); what != "" {
				t.Errorf("%q: got %s, want no problem", line, what)
			}
		}
	}
}

// wholeTree returns the program's commands, without an environment.
func wholeTree() *cobra.Command {
	return newRoot(console{in: &bytes.Buffer{}, out: &bytes.Buffer{}, err: &bytes.Buffer{}, getenv: func(string) string { return "" }})
}

func eachCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		eachCommand(sub, do)
	}
}

// TestEveryCommandIsIntroduced: each command has a line that says what it does. A command with arguments or several options
// has an example. Each noun is in a group of the help.
func TestEveryCommandIsIntroduced(t *testing.T) {
	root := wholeTree()
	eachCommand(root, func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: the short text is %q, want a phrase without a full stop", cmd.CommandPath(), cmd.Short)
		}
		options := 0
		cmd.LocalNonPersistentFlags().VisitAll(func(*pflag.Flag) { options++ })
		if cmd.Runnable() && cmd.Example == "" && (strings.Contains(cmd.Use, " ") || options > 2) {
			t.Errorf("%s: no example", cmd.CommandPath())
		}
	})
	for path := range examples {
		if cmd, rest, err := root.Find(strings.Fields(path)); err != nil || len(rest) > 0 || cmd == root {
			t.Errorf("there is an example of %s, which is no command", path)
		}
	}
	for _, cmd := range root.Commands() {
		if cmd.GroupID == "" {
			t.Errorf("%s stands in no group of groups.go", cmd.CommandPath())
		}
	}
}

var route = regexp.MustCompile(`(GET|POST|PUT|PATCH|DELETE) (/v1/[a-zA-Z0-9_/{}.…-]*)`)

var variable = regexp.MustCompile(`\{[^}]*\}|…`)

// routes are the routes of the HTTP interface, by method and path, with {} for what varies.
func routes(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile(repository + "/internal/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"GET /v1/openapi.json": true, "GET /v1/openapi-3.0.json": true}
	for path, methods := range doc.Paths {
		for method := range methods {
			known[strings.ToUpper(method)+" "+variable.ReplaceAllString(path, "{}")] = true
		}
	}
	return known
}

// TestEveryRouteOnThePagesExists: the pages name only routes that the HTTP interface has.
func TestEveryRouteOnThePagesExists(t *testing.T) {
	known := routes(t)
	for page, text := range pages(t) {
		for _, m := range route.FindAllStringSubmatch(text, -1) {
			if !known[m[1]+" "+variable.ReplaceAllString(strings.TrimRight(m[2], "."), "{}")] {
				t.Errorf("%s: there is no %s", page, m[0])
			}
		}
	}
}
