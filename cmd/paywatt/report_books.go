package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newReportAccounts(c console) *cobra.Command {
	var code int
	cmd := &cobra.Command{
		Use: "accounts", Short: "List ledger accounts with their balances; debits are positive", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			all, err := every(func(p client.Page) (client.List[client.LedgerAccount], error) {
				return api.LedgerAccounts(cmd.Context(), code, p)
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"code", "account", "subject", "balance", "held"}}
			for _, a := range all {
				t.add(a.Code, a.Name, a.Subject, minorText(a.BalanceMinor, a.Currency), minorText(a.HeldMinor, a.Currency))
			}
			return c.show(cmd, all, t)
		}),
	}
	cmd.Flags().IntVar(&code, "code", 0, "only accounts of this code of the chart")
	return cmd
}

func newReportBalance(c console) *cobra.Command {
	var subject, at string
	cmd := &cobra.Command{
		Use: "balance CODE", Short: "Show what a ledger account held at a moment", Args: cobra.ExactArgs(1),
		Example: "  paywatt report balance 4000 --at 2026-11-01T00:00:00Z\n  paywatt report balance 1000 --subject main",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			code, ok := exactly(args[0], 1)
			if !ok {
				return usage(args[0]+" is no code of an account.", "The trial balance lists them: paywatt report trial-balance.")
			}
			var when time.Time
			if at != "" {
				var err error
				if when, err = time.Parse(time.RFC3339, at); err != nil {
					return usage("--at "+at+" is no time.", "Write it as 2026-11-01T00:00:00Z.")
				}
			}
			b, err := api.LedgerBalance(cmd.Context(), int(code), subject, when)
			if err != nil {
				return err
			}
			return c.show(cmd, b, fields("code", fmt.Sprint(b.Code), "subject", b.Subject, "at", b.At.Format(time.RFC3339),
				"balance", minorText(b.BalanceMinor, b.Currency)))
		}),
	}
	cmd.Flags().StringVar(&subject, "subject", "", "whose account, as report accounts shows it")
	cmd.Flags().StringVar(&at, "at", "", "the moment (default now)")
	return cmd
}

func newReportJournals(c console) *cobra.Command {
	var f client.JournalFilter
	cmd := &cobra.Command{
		Use: "journals", Short: "List journals with their lines, newest first: what made a figure", Args: cobra.NoArgs,
		Example: "  paywatt report journals --code 1000 --subject main\n  paywatt report journals --ref vnd_01jd00000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			all, err := every(func(p client.Page) (client.List[client.Journal], error) {
				f.Page = p
				return api.Journals(cmd.Context(), f)
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"at", "kind", "account", "amount", "for", "journal"}}
			for _, j := range all {
				for _, p := range j.Postings {
					name := strings.TrimSuffix(fmt.Sprintf("%d %s:%s", p.Code, p.Name, p.Subject), ":")
					t.add(j.PostedAt.Format(time.RFC3339), j.Kind, name, minorText(p.AmountMinor, j.Currency), j.Ref, j.ID)
				}
			}
			return c.show(cmd, all, t)
		}),
	}
	cmd.Flags().IntVar(&f.Code, "code", 0, "those with a line on this account")
	cmd.Flags().StringVar(&f.Subject, "subject", "", "whose account, with --code")
	cmd.Flags().StringVar(&f.Ref, "ref", "", "those of one operation: the id of a sale or a debt")
	return cmd
}
