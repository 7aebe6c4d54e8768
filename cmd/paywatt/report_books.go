package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newReportAccounts(c console) *cobra.Command {
	return list[apiv1.LedgerFilter, apiv1.LedgerAccount]{
		use: "accounts", of: apiv1.LedgerAccounts, page: (*client.Client).LedgerAccounts,
		options: func(flags *pflag.FlagSet, f *apiv1.LedgerFilter) {
			flags.IntVar(&f.Code, "code", 0, "only accounts of this code")
		},
		table: columns("code, account, subject, balance, held", func(a apiv1.LedgerAccount) []any {
			return []any{a.Code, a.Name, a.Subject, minorText(a.BalanceMinor, a.Currency), minorText(a.HeldMinor, a.Currency)}
		}),
	}.command(c)
}

func newReportBalance(c console) *cobra.Command {
	var subject, at string
	cmd := &cobra.Command{
		Use: "balance CODE", Short: "Show the balance of a ledger account at a moment", Args: cobra.ExactArgs(1),
		Example: "  paywatt report balance 4000 --at 2026-11-01T00:00:00Z\n  paywatt report balance 1000 --subject main",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			code, ok := exactly(args[0], 1)
			if !ok {
				return usage(fmt.Sprintf("%q is not the code of an account.", args[0]), "Run paywatt report trial-balance to list the codes.")
			}
			var when time.Time
			if at != "" {
				var err error
				if when, err = time.Parse(time.RFC3339, at); err != nil {
					return usage(fmt.Sprintf("--at %q is not a time.", at), "Write it as 2026-11-01T00:00:00Z.")
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
	cmd.Flags().StringVar(&subject, "subject", "", "owner of the account, as report accounts shows it")
	cmd.Flags().StringVar(&at, "at", "", "moment, such as 2026-11-01T00:00:00Z (default: now)")
	return cmd
}

func newReportJournals(c console) *cobra.Command {
	return list[apiv1.JournalFilter, apiv1.Journal]{
		use: "journals", example: "  paywatt report journals --code 1000 --subject main\n  paywatt report journals --ref vnd_01jd00000000000000000000000",
		of: apiv1.Journals, page: (*client.Client).Journals,
		options: func(flags *pflag.FlagSet, f *apiv1.JournalFilter) {
			flags.IntVar(&f.Code, "code", 0, "only journals with a line on accounts of this code")
			flags.StringVar(&f.Subject, "subject", "", "only accounts of this owner, with --code")
			flags.StringVar(&f.Ref, "ref", "", "only journals of this operation: the id of a sale or a debt, or a receipt number")
		},
		table: func(all []apiv1.Journal) table {
			t := table{head: []string{"at", "kind", "account", "amount", "for", "journal"}}
			for _, j := range all {
				for _, p := range j.Postings {
					name := strings.TrimSuffix(fmt.Sprintf("%d %s:%s", p.Code, p.Name, p.Subject), ":")
					t.add(j.PostedAt.Format(time.RFC3339), j.Kind, name, minorText(p.AmountMinor, j.Currency), j.Ref, j.ID)
				}
			}
			return t
		},
	}.command(c)
}

func newReportRegisters(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.Register]{
		use: "registers", of: apiv1.Registers, page: (*client.Client).Registers,
		table: columns("meter, register kWh, charged to kWh, difference kWh, why, since", func(r apiv1.Register) []any {
			return []any{r.Meter, unit.Energy(r.RegisterWh).KWh(3), unit.Energy(r.RatedToWh).KWh(3), unit.Energy(r.DifferenceWh).KWh(3), r.Held, timeText(r.HeldSince)}
		}),
	}.command(c)
}
