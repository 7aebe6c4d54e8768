package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newDebtCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "debt", Short: "Debts that purchases collect"}
	cmd.AddCommand(newDebtAdd(c), newDebtList(c), newDebtWriteOff(c))
	return cmd
}

// debtOptions are the options of debt add.
type debtOptions struct {
	kind, memo, percent, fixed, least, most, monthCap, against, key string
	priority                                                        int
	uncapped                                                        bool
}

func newDebtAdd(c console) *cobra.Command {
	var o debtOptions
	cmd := &cobra.Command{
		Use: "add ACCOUNT AMOUNT", Short: "Raise a debt of an account, or of the account that a meter supplies", Args: cobra.ExactArgs(2),
		Example: "  paywatt debt add 04140001001 600.00 --kind loan --percent 20\n" +
			"  paywatt debt add 04140001001 250 --kind fine --fixed 50 --against fees",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n, err := o.debt(c, cmd, api, args)
			if err != nil {
				return err
			}
			d, err := api.RaiseDebt(cmd.Context(), n, o.key)
			return answer(c, cmd, d, err, debtTable)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.kind, "kind", "", "what it is: fine, loan, arrears ... (needed)")
	f.StringVar(&o.memo, "memo", "", "a remark")
	f.StringVar(&o.percent, "percent", "", "a purchase pays this share of what is tendered")
	f.StringVar(&o.fixed, "fixed", "", "a purchase pays this amount (default: as much as it can)")
	f.StringVar(&o.least, "min", "0", "asked at least of a purchase")
	f.StringVar(&o.most, "max", "0", "asked at most of one (0: no limit)")
	f.StringVar(&o.monthCap, "month-cap", "0", "taken at most in a month (0: no limit)")
	f.IntVar(&o.priority, "priority", 0, "1 to 89, ascending (default 30, behind fixed charges)")
	f.BoolVar(&o.uncapped, "uncapped", false, "outside the ceiling of what purchases give to charges")
	f.StringVar(&o.against, "against", "", "what is credited: opening, fees, services, fixed, energy (default opening)")
	f.StringVar(&o.key, "key", "", "idempotency key; repeating it repeats the answer, not the debt")
	return cmd
}

// debt reads the arguments and options.
func (o debtOptions) debt(c console, cmd *cobra.Command, api *client.Client, args []string) (apiv1.NewDebt, error) {
	n := apiv1.NewDebt{Account: args[0], Kind: o.kind, Memo: o.memo, Priority: o.priority, Uncapped: o.uncapped, Against: o.against}
	if o.kind == "" {
		return n, usage("A debt needs a kind.", "Name it: --kind loan.")
	}
	if o.percent != "" && o.fixed != "" {
		return n, usage("Give either --percent or --fixed.", "Without both a purchase pays as much as it can.")
	}
	var err error
	if n.Amount, err = amountOf(cmd, api, args[1]); err != nil {
		return n, err
	}
	switch {
	case o.percent != "":
		n.Mode = "percent"
		n.PercentBps, err = percent("--percent", o.percent)
	case o.fixed != "":
		n.Mode = "fixed"
		n.FixedMinor, err = c.minor(cmd, api, "--fixed", o.fixed)
	}
	for _, part := range []struct {
		to           *int64
		option, text string
	}{{&n.MinMinor, "--min", o.least}, {&n.MaxMinor, "--max", o.most}, {&n.MonthCapMinor, "--month-cap", o.monthCap}} {
		if err == nil {
			*part.to, err = c.minor(cmd, api, part.option, part.text)
		}
	}
	return n, err
}

// owingOptions are the options of debt list and charge list.
func owingOptions(flags *pflag.FlagSet, f *apiv1.OwingFilter) {
	flags.StringVar(&f.Account, "account", "", "only of this account: its id, or a meter that supplies it")
	flags.BoolVar(&f.Open, "open", false, "only what is not paid")
}

func newDebtList(c console) *cobra.Command {
	return list[apiv1.OwingFilter, apiv1.Debt]{
		use: "list", of: apiv1.Debts, page: (*client.Client).Debts, options: owingOptions,
		table: columns("debt, kind, principal, outstanding, collected by, status, account", func(d apiv1.Debt) []any {
			return []any{d.ID, d.Kind, minorText(d.PrincipalMinor, d.Currency), minorText(d.OutstandingMinor, d.Currency), collected(d), d.Status, d.Account}
		}),
	}.command(c)
}

func newDebtWriteOff(c console) *cobra.Command {
	var w apiv1.WriteOff
	var amount, key string
	cmd := &cobra.Command{
		Use: "write-off DEBT", Short: "Take a debt, or a part of it, off the books", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if w.Reason == "" {
				return usage("A write-off needs a reason.", "Say why nobody expects the money any more: --reason \"moved away\".")
			}
			if cmd.Flags().Changed("amount") {
				minor, err := c.minor(cmd, api, "--amount", amount)
				if err != nil {
					return err
				}
				w.AmountMinor = &minor
			}
			d, err := api.WriteOffDebt(cmd.Context(), args[0], w, key)
			return answer(c, cmd, d, err, debtTable)
		}),
	}
	cmd.Flags().StringVar(&w.Reason, "reason", "", "why (needed); it stands in the audit log")
	cmd.Flags().StringVar(&amount, "amount", "", "how much (default: all that is outstanding)")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the write-off")
	return cmd
}

// collected says in words how much of a purchase a debt takes.
func collected(d apiv1.Debt) string {
	switch d.Mode {
	case "percent":
		return fmt.Sprintf("%s %%", hundredths(d.PercentBps))
	case "fixed":
		return minorText(d.FixedMinor, d.Currency)
	}
	return "all it can"
}

func debtTable(d apiv1.Debt) table {
	return fields("debt", d.ID, "kind", d.Kind, "memo", d.Memo, "principal", minorText(d.PrincipalMinor, d.Currency),
		"outstanding", minorText(d.OutstandingMinor, d.Currency), "collected by", collected(d), "status", d.Status, "account", d.Account)
}

func minorText(minor int64, currency string) string {
	return amountText(apiv1.Amount{AmountMinor: minor, Currency: currency})
}
