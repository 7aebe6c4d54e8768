package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newClockCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "clock", Short: "The server's clock"}
	var reason string
	trust := &cobra.Command{
		Use: "trust", Short: "Confirm that the server's clock is right, so that sales go on", Args: cobra.NoArgs,
		Long: "The server refuses sales while it doubts its clock (clock-untrusted). It doubts the clock for one of three reasons: the clock was moved\n" +
			"while the server ran; it was more than 24 hours past the last known time when the server started, and no time service confirms it;\n" +
			"or tokens have a later time, because the clock was wrong when they were issued. Compare the clock with another one before you\n" +
			"trust it: token numbers and the dates of payments come from it and cannot be taken back.",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			if err := api.TrustClock(cmd.Context(), reason); err != nil {
				return err
			}
			c.tell("The clock is trusted; sales go on.")
			return nil
		}),
	}
	trust.Flags().StringVar(&reason, "reason", "", "why it is right; kept in the audit log")
	cmd.AddCommand(trust)
	return cmd
}
