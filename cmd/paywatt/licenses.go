package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/licenses"
)

// licenseView is one component as JSON.
type licenseView struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Text    string `json:"text"`
}

func newLicensesCommand(c console) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "licenses [COMPONENT]", Short: "List the components of this program and their licences", Args: cobra.MaximumNArgs(1),
		Long: "List the third-party components that are linked into this program. Name a component to print its licence texts and notices.\n" +
			"--all prints the texts of all components. Paywatt itself is under the Apache License 2.0.",
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := licensesHere()
			if err != nil {
				return err
			}
			if len(args) == 0 && !all {
				t := table{head: []string{"component", "version"}}
				for _, l := range list {
					t.add(l.Name, l.Version)
				}
				return c.show(cmd, list, t)
			}
			found := false
			for _, l := range list {
				if all || l.Name == args[0] {
					found = true
					if _, err := fmt.Fprintf(c.out, "%s %s\n\n%s\n", l.Name, l.Version, l.Text); err != nil {
						return err
					}
				}
			}
			if !found {
				return &exit.Failure{Code: exit.NotFound, What: fmt.Sprintf("This program has no component %q.", args[0]), Not: "No licence text was printed.",
					Try: didYouMean(nearest(args[0], componentNames())) + "Run paywatt licenses to list the components."}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "print the texts of all components")
	return cmd
}

// licensesHere lists the components of the running binary: the modules in its build information, Go, and the script of the
// console's pages.
func licensesHere() ([]licenseView, error) {
	all, err := licenses.All()
	if err != nil {
		return nil, err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, fmt.Errorf("this program has no list of its modules, because it was built without Go modules")
	}
	linked := map[string]string{}
	for _, m := range info.Deps {
		linked[m.Path] = m.Version
	}
	var out []licenseView
	for _, l := range all {
		version, here := linked[l.Name]
		switch {
		case l.Name == licenses.Go:
			version = runtime.Version()
		case !strings.Contains(l.Name, "/"): // the script of the pages is not a module
			version = l.Version
		case !here:
			continue // only a build for another system has this module
		}
		delete(linked, l.Name)
		out = append(out, licenseView{Name: l.Name, Version: version, Text: l.Text})
	}
	for path := range linked {
		return nil, fmt.Errorf("module %s is linked into this program, but its licence text is missing; report this to whoever built the program", path)
	}
	return out, nil
}

// componentNames are the names of the components, for the shell's completion.
func componentNames() (names []string) {
	list, err := licensesHere()
	if err != nil {
		return nil
	}
	for _, l := range list {
		names = append(names, l.Name)
	}
	return names
}
