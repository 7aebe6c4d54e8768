package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newChargeCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "charge", Short: "Fixed charges that fell due"}
	var o owingOptions
	list := &cobra.Command{
		Use: "list", Short: "List fixed charges, newest first", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			all, err := every(func(p client.Page) (client.List[client.Charge], error) {
				return api.Charges(cmd.Context(), client.Owing{Account: o.account, Open: o.open, Page: p})
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"month", "charge", "amount", "paid", "account"}}
			for _, d := range all {
				t.add(d.Month, d.Name, minorText(d.AmountMinor, d.Currency), minorText(d.PaidMinor, d.Currency), d.Account)
			}
			return c.show(cmd, all, t)
		}),
	}
	o.flags(list)
	cmd.AddCommand(list)
	return cmd
}
