package main

import (
	"github.com/spf13/cobra"
)

func newDemoCommand(c console) *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:  "demo",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return playOnce(cmd.Context(), c)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "play the whole story without a screen, print each step, and stop")
	return cmd
}
