package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newMeterSIM(c console) *cobra.Command {
	return &cobra.Command{
		Use: "sim METER NUMBER", Short: "Register the number of the SIM in a meter, for tokens by SMS", Args: cobra.ExactArgs(2),
		Long: "Registers the number of the SIM in the meter's own modem, with its country code; \"\" takes it out. The meter itself must know the server's\n" +
			"number as one of its registered ones, or its answers come without the balance.",
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
