package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
)

// release is the version of this source; a build from a tag has the tag instead.
const release = "0.1.0-dev"

// programVersion is the version of the running program: its tag, or the commit it was built from.
func programVersion() apiv1.Version {
	v := apiv1.Version{Version: release, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if m := info.Main.Version; m != "" && m != "(devel)" {
		v.Version = m
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	return v
}

func newVersionCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := programVersion()
			return c.show(cmd, v, fields("version", v.Version, "commit", v.Commit, "go", v.Go))
		},
	}
}
