package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newAccountCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "account", Short: "Show and change the accounts of customers"}
	cmd.AddCommand(newAccountShow(c), newAccountStatement(c), newAccountWallet(c), newAccountAdjust(c), newAccountMoveOut(c), newAccountRefund(c), newAccountTakeOver(c))
	return cmd
}

func newAccountShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show ACCOUNT", Short: "Show an account, by its id or the number of its meter", Args: cobra.ExactArgs(1),
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
	var month, format string
	cmd := &cobra.Command{
		Use: "statement ACCOUNT", Short: apiv1.AccountStatement.Summary, Args: cobra.ExactArgs(1),
		Long: "List the purchases and debts of an account. With --month, show its statement of that month, whose opening balance and lines\n" +
			"sum to its closing balance; with --format, as a file.",
		Example: "  paywatt account statement 04140001001 --month 2026-11\n  paywatt account statement 04140001001 --month 2026-11 --format pdf > statement.pdf",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if format != "" && month == "" {
				return usage("--format needs --month.", "Add the month, such as --month 2026-11.")
			}
			if month != "" {
				return c.monthStatement(cmd, api, args[0], month, format)
			}
			a, err := api.Account(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			all, err := every(func(p apiv1.Page) (apiv1.List[apiv1.AccountEntry], error) {
				return api.AccountStatement(cmd.Context(), apiv1.AccountFilter{Account: a.ID, Page: p})
			})
			if err != nil {
				return err
			}
			return c.show(cmd, all, columns("at, kind, amount, kWh, state, for", func(e apiv1.AccountEntry) []any {
				return []any{timeText(&e.At), e.Kind, minorText(e.AmountMinor, a.Balance.Currency), someKWh(e.UnitsWh, 1), e.State, e.Ref}
			})(all))
		}),
	}
	cmd.Flags().StringVar(&month, "month", "", "month of the statement, such as 2026-11")
	choiceFlag(cmd.Flags(), &format, "format", "write the month's statement as a file: csv or pdf", []string{"csv", "pdf"})
	return cmd
}

// monthStatement shows the statement of a month, or writes it as a file.
func (c console) monthStatement(cmd *cobra.Command, api *client.Client, account, month, format string) error {
	if format != "" {
		b, err := api.StatementPaper(cmd.Context(), account, month, format)
		if err == nil {
			_, err = c.out.Write(b)
		}
		return err
	}
	s, err := api.Statement(cmd.Context(), account, month)
	if err != nil {
		return err
	}
	amount := func(m int64) string { return minorText(m, s.Currency) }
	lines := append([]apiv1.StatementLine{{Kind: "opening", BalanceMinor: s.OpeningMinor}}, s.Lines...)
	lines = append(lines, apiv1.StatementLine{Kind: "closing", BalanceMinor: s.ClosingMinor, PaidMinor: s.PaidMinor, UnitsWh: s.UnitsWh})
	return c.show(cmd, s, columns("at, kind, receipt, paid, kWh, change, "+s.Balance, func(l apiv1.StatementLine) []any {
		when := ""
		if !l.At.IsZero() {
			when = timeText(&l.At)
		}
		return []any{when, l.Kind, l.ReceiptNo, amount(l.PaidMinor), someKWh(l.UnitsWh, 1), amount(l.ChangeMinor), amount(l.BalanceMinor)}
	})(lines))
}

func newAccountAdjust(c console) *cobra.Command {
	var n apiv1.NewAdjustment
	var key string
	cmd := &cobra.Command{
		Use: "adjust ACCOUNT AMOUNT", Short: "Credit a customer's account as goodwill", Args: cobra.ExactArgs(2),
		Example: "  paywatt account adjust 04140001001 10.00 --reason \"outage on Monday\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if n.Reason == "" {
				return usage("An adjustment needs a reason.", "Add --reason \"outage on Monday\".")
			}
			n.Account = args[0]
			var err error
			if n.Amount, err = amountOf(cmd, api, args[1]); err != nil {
				return err
			}
			a, err := api.Adjust(cmd.Context(), n, key)
			if err != nil {
				return err
			}
			return c.show(cmd, a, fields("journal", a.ID, "account", a.Account, "amount", amountText(a.Amount), "to", a.To, "reason", a.Reason))
		}),
	}
	cmd.Flags().StringVar(&n.Reason, "reason", "", "why, in a few words (needed); written to the audit log")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the adjustment")
	return cmd
}

func newAccountWallet(c console) *cobra.Command {
	return list[apiv1.WalletFilter, apiv1.WalletLine]{
		use: "wallet ACCOUNT", example: "  paywatt account wallet 04140001001 --from 2026-11-01 --to 2026-11-30 -o csv",
		of: apiv1.WalletStatement, page: (*client.Client).WalletStatement, arg: func(f *apiv1.WalletFilter, account string) { f.Account = account },
		options: func(flags *pflag.FlagSet, f *apiv1.WalletFilter) {
			flags.StringVar(&f.From, "from", "", "first local day, such as 2026-11-01 (default: the first of this month)")
			flags.StringVar(&f.To, "to", "", "last local day, such as 2026-11-30 (default: today)")
		},
		table: columns("day, what, kWh, amount, balance, for", func(w apiv1.WalletLine) []any {
			amount := ""
			if w.Journals > 0 {
				amount = minorText(w.AmountMinor, w.Currency)
			}
			return []any{w.Day, w.Kind, someKWh(w.UnitsWh, 3), amount, minorText(w.BalanceMinor, w.Currency), w.Ref}
		}),
	}.command(c)
}
