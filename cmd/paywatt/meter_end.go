package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newMeterRemove(c console) *cobra.Command {
	return newMeterEnd(c, (*client.Client).RemoveMeter, &cobra.Command{
		Use: "remove METER", Short: "Record that a meter was taken off the wall",
		Long: "Record that a meter was taken off the wall: one that was replaced, or whose last customer moved out. " +
			"It can no longer sign in, and lists\n" +
			"leave it out. What it recorded and what was sold to it stays. This takes a second person where the four-eyes rule applies.",
		Example: "  paywatt meter remove 04140001001 --reason \"back in the workshop\"",
	})
}

func newMeterScrap(c console) *cobra.Command {
	return newMeterEnd(c, (*client.Client).ScrapMeter, &cobra.Command{
		Use: "scrap METER", Short: "Record that a removed meter, or one in stock, never comes back",
		Example: "  paywatt meter scrap 04140001001 --reason \"terminals burnt\"",
	})
}

// meterStep asks the server for a step towards the end of a meter.
type meterStep func(api *client.Client, ctx context.Context, meter, reason string) (apiv1.Meter, error)

// newMeterEnd makes the command of such a step.
func newMeterEnd(c console, step meterStep, cmd *cobra.Command) *cobra.Command {
	var reason string
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
		m, err := step(api, cmd.Context(), args[0], reason)
		return answer(c, cmd, m, err, meterTable)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (needed); written to the audit log")
	return cmd
}
