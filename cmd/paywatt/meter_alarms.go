package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newMeterAlarms(c console) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use: "alarms [METER]", Short: "List what a person should look at, of one meter or of all, newest first", Args: cobra.MaximumNArgs(1),
		Example: "  paywatt meter alarms\n  paywatt meter alarms 04140001001 --all",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			meter := ""
			if len(args) == 1 {
				meter = args[0]
			}
			rows, err := every(func(p client.Page) (client.List[client.Alarm], error) {
				return api.Alarms(cmd.Context(), meter, !all, p)
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"raised", "meter", "feeder", "code", "cleared", "text"}}
			for _, a := range rows {
				t.add(timeText(&a.RaisedAt), a.Meter, a.Feeder, a.Code, timeText(a.ClearedAt), a.Text)
			}
			return c.show(cmd, rows, t)
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "those too that no longer stand")
	return cmd
}
