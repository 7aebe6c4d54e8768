package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/access"
)

// TestEveryCommandOnTheDataFolderIsClassified: a command that works on the data folder, or that is for administrators, names its acts or
// says why it moves no value. The other commands use the API, whose operations are classified.
func TestEveryCommandOnTheDataFolderIsClassified(t *testing.T) {
	left, root := access.Commands(), wholeTree()
	eachCommand(root, func(cmd *cobra.Command) {
		noun := cmd
		for noun.Parent() != nil && noun.Parent() != root {
			noun = noun.Parent()
		}
		name := strings.TrimPrefix(cmd.CommandPath(), "paywatt ")
		harmless := map[string]bool{"completion": true, "licenses": true, "version": true, "utility": true}[noun.Name()]
		if !cmd.Runnable() || cmd.Hidden || harmless || cmd.Flags().Lookup("data") == nil && noun.GroupID != "admin" {
			return
		}
		c, ok := left[name]
		if !ok || (len(c.Acts) > 0) == (c.Why != "") {
			t.Errorf("%s is not classified: name its acts, or say why it moves no value, in internal/access/operation.go", name)
		}
		delete(left, name)
	})
	for name := range left {
		t.Errorf("internal/access/operation.go classifies %s, which is no such command", name)
	}
}
