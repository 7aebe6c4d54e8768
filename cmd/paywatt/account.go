package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newAccountCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "account", Short: "What a customer has, owes and bought"}
	cmd.AddCommand(newAccountShow(c), newAccountStatement(c), newAccountWallet(c), newAccountAdjust(c), newAccountMoveOut(c), newAccountRefund(c))
	return cmd
}

func newAccountShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show ACCOUNT", Short: "Show an account, by its id or a meter that supplies it", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			a, err := api.Account(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			b := a.Balance
			return c.show(cmd, a, fields("account", a.ID, "customer", a.Name, "address", a.Address, "mode", a.Mode, "status", a.Status,
				"meters", strings.Join(a.Meters, " "), "carry", minorText(b.CarryMinor, b.Currency), "wallet", minorText(b.WalletMinor, b.Currency), "charges due", minorText(b.DueMinor, b.Currency),
				"debts", minorText(b.DebtsMinor, b.Currency), "bought in "+b.Month, unit.Energy(b.UnitsWh).KWh(1)+" kWh",
				"free units due", unit.Energy(b.FreeDueWh).KWh(1)+" kWh"))
		}),
	}
}

func newAccountStatement(c console) *cobra.Command {
	return &cobra.Command{
		Use: "statement ACCOUNT", Short: "List sales and what else was booked, newest first", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			a, err := api.Account(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			all, err := every(func(p client.Page) (client.List[client.AccountEntry], error) {
				return api.AccountStatement(cmd.Context(), a.ID, p)
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"at", "kind", "amount", "kWh", "state", "for"}}
			for _, e := range all {
				units := ""
				if e.UnitsWh != 0 {
					units = unit.Energy(e.UnitsWh).KWh(1)
				}
				t.add(timeText(&e.At), e.Kind, minorText(e.AmountMinor, a.Balance.Currency), units, e.State, e.Ref)
			}
			return c.show(cmd, all, t)
		}),
	}
}

func newAccountAdjust(c console) *cobra.Command {
	var n client.NewAdjustment
	cmd := &cobra.Command{
		Use: "adjust ACCOUNT AMOUNT", Short: "Give a customer money out of goodwill", Args: cobra.ExactArgs(2),
		Example: "  paywatt account adjust 04140001001 10.00 --reason \"outage on Monday\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if n.Reason == "" {
				return usage("An adjustment needs a reason.", "Say why: --reason \"outage on Monday\".")
			}
			n.Account = args[0]
			var err error
			if n.Amount, err = amountOf(cmd, api, args[1]); err != nil {
				return err
			}
			a, err := api.Adjust(cmd.Context(), n)
			if err != nil {
				return err
			}
			return c.show(cmd, a, fields("journal", a.ID, "account", a.Account, "amount", amountText(a.Amount), "to", a.To, "reason", a.Reason))
		}),
	}
	cmd.Flags().StringVar(&n.Reason, "reason", "", "why (needed); it stands in the audit log")
	cmd.Flags().StringVar(&n.IdempotencyKey, "key", "", "idempotency key; repeating it repeats the answer, not the adjustment")
	return cmd
}
