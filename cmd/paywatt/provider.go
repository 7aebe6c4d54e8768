package main

import "github.com/spf13/cobra"

func newProviderCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "provider",
		Short: "Run simulated payment providers",
		Long:  "Run simulated payment providers: M-Pesa, MTN MoMo, Stripe, Paystack, signed webhooks, a till's telephone and a bank.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProviderSimulate(c))
	return cmd
}
