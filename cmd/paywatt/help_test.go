package main

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the width of a terminal; the list of commands must not wrap on it.
const helpWidth = 80

// verbs are the words with which the help of a command may begin.
func verbs() []string {
	return strings.Fields(`Accept Add Adopt Approve Begin Block Change Check Close Compare Confirm Continue Copy Create Credit Cut Discard End
		Explain Find Generate Give
		Help Import Invite Issue List Make Measure Move Open Pay Plan Print Publish Read Record Redeem Register Reject Release Repeat Replace Replay Restore Reverse Revoke Run Sell Send
		Show Simulate Toggle Unblock Undo Withdraw Write`)
}

// TestHelpBeginsWithAVerb: the help of each command begins with a verb in the imperative, and its line in the list of commands
// fits a terminal.
func TestHelpBeginsWithAVerb(t *testing.T) {
	seen := 0
	eachCommand(wholeTree(), func(cmd *cobra.Command) {
		seen++
		for _, what := range helpFaults(cmd) {
			t.Errorf("%s: %s", cmd.CommandPath(), what)
		}
	})
	if seen < 100 {
		t.Errorf("only %d commands found", seen)
	}
}

// helpFaults lists the faults in the help of a command.
func helpFaults(cmd *cobra.Command) (faults []string) {
	first, _, _ := strings.Cut(cmd.Short, " ")
	if !slices.Contains(verbs(), strings.TrimRight(first, ",")) {
		faults = append(faults, "the short help begins with "+first+", want a verb")
	}
	if strings.HasSuffix(cmd.Short, ".") {
		faults = append(faults, "the short help ends with a full stop")
	}
	if line := 2 + max(cmd.NamePadding(), len(cmd.Name())) + 1 + len(cmd.Short); line > helpWidth {
		faults = append(faults, "the short help is too long: "+cmd.Short)
	}
	if cmd.Long != "" {
		if first, _, _ := strings.Cut(cmd.Long, " "); !slices.Contains(verbs(), strings.TrimRight(first, ",")) {
			faults = append(faults, "the long help begins with "+first+", want a verb")
		}
		if !strings.HasSuffix(strings.TrimSpace(cmd.Long), ".") && !strings.Contains(cmd.Long, "\n  ") {
			faults = append(faults, "the long help does not end with a full stop")
		}
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Usage == "":
			faults = append(faults, "--"+f.Name+" has no help")
		case strings.HasSuffix(f.Usage, ".") || unicode.IsUpper([]rune(f.Usage)[0]) && unicode.IsLower([]rune(f.Usage)[1]):
			faults = append(faults, "the help of --"+f.Name+" is a sentence, want a phrase: "+f.Usage)
		}
	})
	return faults
}

// TestTheTestOfHelpSees: a command with bad help is found.
func TestTheTestOfHelpSees(t *testing.T) {
	parent := &cobra.Command{Use: "paywatt"}
	for _, bad := range []*cobra.Command{{Use: "a", Short: "The server's clock"}, {Use: "b", Short: "List meters."},
		{Use: "c", Short: "List " + strings.Repeat("m", helpWidth)}, {Use: "d", Short: "List meters", Long: "Lists meters."}} {
		parent.AddCommand(bad)
		if len(helpFaults(bad)) == 0 {
			t.Errorf("no fault found in %q %q", bad.Short, bad.Long)
		}
	}
	for _, help := range []string{"", "How long", "a phrase."} {
		cmd := &cobra.Command{Use: "e", Short: "List meters"}
		cmd.Flags().Bool("x", false, help)
		if len(helpFaults(cmd)) == 0 {
			t.Errorf("no fault found in the option help %q", help)
		}
	}
}

// TestEveryFailureHasThreeLines: each failure that this package builds says what happened, what did not happen and what to do.
func TestEveryFailureHasThreeLines(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if missing, is := missingLines(n); is {
				seen++
				if len(missing) > 0 {
					t.Errorf("%s: a failure has no %s", name, strings.Join(missing, ", "))
				}
			}
			return true
		})
	}
	if seen < 100 {
		t.Errorf("only %d failures found", seen)
	}
}

// missingLines are the lines that a literal exit.Failure leaves out. A literal with only a code is filled in line by line
// later.
func missingLines(n ast.Node) (missing []string, is bool) {
	literal, ok := n.(*ast.CompositeLit)
	if !ok {
		return nil, false
	}
	if named, ok := literal.Type.(*ast.SelectorExpr); !ok || named.Sel.Name != "Failure" {
		return nil, false
	}
	has := map[string]bool{}
	for _, e := range literal.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			has[kv.Key.(*ast.Ident).Name] = true
		}
	}
	if !has["What"] {
		return nil, true
	}
	for _, line := range []string{"Not", "Try"} {
		if !has[line] {
			missing = append(missing, line)
		}
	}
	return missing, true
}
