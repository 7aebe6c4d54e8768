package main

import (
	"github.com/spf13/cobra"
)

func newConfigCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show and check the settings"}
	cmd.AddCommand(newConfigShow(c), newConfigCheck(c))
	return cmd
}

// settingRow is a setting as config show prints it.
type settingRow struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
	From   string `json:"from,omitempty"`
}

func newConfigShow(c console) *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use: "show", Short: "Show every setting with its value and its origin", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := c.settings(cmd)
			if err != nil {
				return err
			}
			rows := []settingRow{}
			t := table{head: []string{"setting", "value"}}
			if origin {
				t.head = append(t.head, "origin", "from")
			}
			for _, v := range set.Show() {
				r := settingRow{Key: v.Setting.Key, Value: v.String(), Origin: string(v.Origin), From: v.From}
				rows = append(rows, r)
				if origin {
					t.add(r.Key, r.Value, r.Origin, r.From)
				} else {
					t.add(r.Key, r.Value)
				}
			}
			return c.show(cmd, rows, t)
		},
	}
	cmd.Flags().BoolVar(&origin, "origin", false, "also show where each value comes from: default, file, env or flag")
	settingFlags(cmd.Flags())
	return cmd
}
