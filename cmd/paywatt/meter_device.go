package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newMeterSummary(c console) *cobra.Command {
	send := false
	cmd := &cobra.Command{
		Use: "summary METER", Short: "Show a meter's total, this month's use and balance", Args: cobra.ExactArgs(1),
		Example: "  paywatt meter summary 04140001001\n  paywatt meter summary 04140001001 --send",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			ask := api.Device
			if send {
				ask = api.SendSummary
			}
			d, err := ask(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if send {
				c.tell("The summary was sent to the device.")
			}
			return c.show(cmd, d, fields("meter", d.Meter, "total kWh", d.TotalKWh, "this month kWh", d.MonthKWh, "balance", d.Balance,
				"wanted", d.Wanted, "relay", d.Relay))
		}),
	}
	cmd.Flags().BoolVar(&send, "send", false, "also send it to the meter's device, if its profile has a topic for it (right: command.send)")
	return cmd
}

func newMeterToggle(c console) *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use: "toggle METER", Short: "Toggle the relay of a device of profile seed-a-toggle", Args: cobra.ExactArgs(1),
		Example: "  paywatt meter toggle 04140001001 --reason \"try the relay\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			d, err := api.ToggleDevice(cmd.Context(), args[0], reason)
			if err != nil {
				return err
			}
			c.tell("The command was sent once. paywatt meter watch %s shows the answer of the device.", d.Meter)
			return c.show(cmd, d, fields("meter", d.Meter, "relay before", d.Relay, "state before", d.State))
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (needed); written to the audit log")
	return cmd
}
