package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newClockCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "clock", Short: "Confirm the server's clock"}
	var reason string
	trust := &cobra.Command{
		Use: "trust", Short: "Confirm that the server's clock is right", Args: cobra.NoArgs,
		Long: "Confirm that the server's clock is right. The server refuses sales while it doubts its clock (clock-untrusted). There are\n" +
			"three reasons for doubt:\n" +
			"  - The clock was moved by more than an hour within 24 hours.\n" +
			"  - The server started more than 24 hours after the last known time, and no time service confirms the clock.\n" +
			"  - Tokens have a later time, because the clock was wrong when they were issued.\n" +
			"Compare the clock with another one first. Token numbers and the dates of payments come from it and cannot be changed later.",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			if err := api.TrustClock(cmd.Context(), reason); err != nil {
				return err
			}
			c.tell("The clock is trusted. Sales are possible again.")
			return nil
		}),
	}
	trust.Flags().StringVar(&reason, "reason", "", "why the clock is right; written to the audit log")
	cmd.AddCommand(trust)
	return cmd
}
