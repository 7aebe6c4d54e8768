package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/money"
)

func newReportCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "report", Short: "Ask the books"}
	cmd.AddCommand(newReportDay(c), newReportHead(c))
	cmd.AddCommand(&cobra.Command{
		Use: "trial-balance", Short: "Sum the books by account; debits are positive", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			b, err := api.TrialBalance(cmd.Context())
			if err != nil {
				return err
			}
			cur, known := money.CurrencyOf(b.Currency)
			t := table{head: []string{"code", "account", "class", "balance"}}
			for _, a := range b.Accounts {
				balance := money.Format(money.Minor(a.BalanceMinor), cur)
				if known {
					balance += " " + cur.Code
				}
				t.add(a.Code, a.Name, a.Class, balance)
			}
			return c.show(cmd, b, t)
		}),
	})
	cmd.AddCommand(newReportAccounts(c), newReportBalance(c), newReportJournals(c), newReportRegisters(c))
	return cmd
}
