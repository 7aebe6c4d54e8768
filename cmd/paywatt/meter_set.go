package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newMeterSet(c console) *cobra.Command {
	var feeder, measures, reason string
	var most, unread int64
	cmd := &cobra.Command{
		Use: "set METER", Short: "Change the feeder, main feeder or power limit of a meter", Args: cobra.ExactArgs(1),
		Example: "  paywatt meter set 04140001001 --feeder \"North 3\" --reason \"new line\"\n" +
			"  paywatt meter set 04140001001 --max-w 9200 --reason \"40 A breaker\"\n" +
			"  paywatt meter set 04140001001 --measures Riverside --reason \"main meter\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			change := apiv1.MeterChange{Feeder: given(cmd, "feeder", &feeder), Measures: given(cmd, "measures", &measures), MaxW: given(cmd, "max-w", &most),
				UnreadCutHours: given(cmd, "unread-cut", &unread), Reason: reason}
			m, err := api.ChangeMeter(cmd.Context(), args[0], change)
			return answer(c, cmd, m, err, meterTable)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&feeder, "feeder", "", "feeder that supplies the meter; empty for none")
	f.StringVar(&measures, "measures", "", "feeder that the meter measures as a whole, as the main meter of a building; empty for none")
	f.Int64Var(&most, "max-w", 0, "highest power that it can measure, in W; 0 for 23,000 W per phase")
	f.Int64Var(&unread, "unread-cut", 0, "hours of supply after which an unmodified device is cut off if no value of it was ever read; 0 for never")
	f.StringVar(&reason, "reason", "", "why, in a few words (needed); written to the audit log")
	return cmd
}
