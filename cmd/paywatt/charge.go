package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newChargeCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "charge", Short: "List and add fixed charges"}
	cmd.AddCommand(list[apiv1.OwingFilter, apiv1.Charge]{
		use: "list", of: apiv1.Charges, page: (*client.Client).Charges, options: owingOptions,
		table: columns("month, charge, amount, paid, account", func(d apiv1.Charge) []any {
			return []any{d.Month, d.Name, minorText(d.AmountMinor, d.Currency), minorText(d.PaidMinor, d.Currency), d.Account}
		}),
	}.command(c), newChargeAdd(c))
	return cmd
}

func newChargeAdd(c console) *cobra.Command {
	var n apiv1.NewCharge
	var vat, key string
	cmd := &cobra.Command{
		Use: "add ACCOUNT AMOUNT", Short: "Add a charge by hand", Args: cobra.ExactArgs(2),
		Example: "  paywatt charge add 04140001001 112.70 --name standing --month 2026-10 --vat 15",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if n.Name == "" || n.Month == "" {
				return usage("A charge needs a name and a month.", "Add --name reconnection --month 2026-11.")
			}
			n.Account = args[0]
			var err error
			if n.VATBps, err = percent("--vat", vat); err != nil {
				return err
			}
			if n.Amount, err = amountOf(cmd, api, args[1]); err != nil {
				return err
			}
			d, err := api.AddCharge(cmd.Context(), n, key)
			if err != nil {
				return err
			}
			return c.show(cmd, d, fields("charge", d.Ref, "amount", minorText(d.AmountMinor, d.Currency), "account", d.Account))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&n.Name, "name", "", "name of the charge: small letters, digits and dashes (needed)")
	f.StringVar(&n.Month, "month", "", "month of the charge, such as 2026-11 (needed)")
	f.StringVar(&vat, "vat", "0", "tax contained in the amount, in percent")
	f.IntVar(&n.Priority, "priority", 0, "order of collection, 1 to 89, lowest first (default: 20; debts have 30)")
	f.BoolVar(&n.Uncapped, "uncapped", false, "collect it beyond the share of a purchase that charges may take")
	f.StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the charge")
	return cmd
}
