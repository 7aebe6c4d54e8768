package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newMeterSIM(c console) *cobra.Command {
	return &cobra.Command{
		Use: "sim METER NUMBER", Short: "Register the telephone number of the SIM in a meter", Args: cobra.ExactArgs(2),
		Long: "Register the telephone number of the SIM in the meter's own modem, with its country code, for tokens by SMS. \"\" removes\n" +
			"the number. The server's number must be one of the meter's registered numbers. Otherwise the meter answers without its\n" +
			"balance.",
		Example: "  paywatt meter sim 04140001001 +254700000200",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			m, err := api.SetSIM(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return c.show(cmd, m, fields("meter", m.Number, "sim", m.SIMPhone))
		}),
	}
}

func newMeterConfirmSIM(c console) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "confirm-sim METER", Short: "Confirm the changed number of the SIM in a meter", Args: cobra.ExactArgs(1),
		Long: "Confirm the changed number of the SIM in a meter, so that tokens go there at once. Without it they wait 24 hours after the\n" +
			"change. The person who changed the number cannot confirm it.",
		Example: "  paywatt meter confirm-sim 04140001001 --reason \"saw the new SIM\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			m, err := api.ConfirmSIM(cmd.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return c.show(cmd, m, fields("meter", m.Number, "sim", m.SIMPhone))
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words")
	return cmd
}
