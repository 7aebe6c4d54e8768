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
