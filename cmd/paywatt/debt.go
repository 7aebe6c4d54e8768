package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newDebtCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "debt", Short: "List and change debts that purchases collect"}
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
		Use: "add ACCOUNT AMOUNT", Short: "Add a debt to an account, by its id or its meter", Args: cobra.ExactArgs(2),
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
	f.StringVar(&o.kind, "kind", "", "kind of debt, such as fine, loan or arrears (needed)")
	f.StringVar(&o.memo, "memo", "", "remark")
	f.StringVar(&o.percent, "percent", "", "share of a purchase that it takes, in percent")
	f.StringVar(&o.fixed, "fixed", "", "amount that it takes of a purchase (default: as much as it can)")
	f.StringVar(&o.least, "min", "0", "least amount that it takes of a purchase")
	f.StringVar(&o.most, "max", "0", "most that it takes of a purchase; 0 for no limit")
	f.StringVar(&o.monthCap, "month-cap", "0", "most that it takes in a month; 0 for no limit")
	f.IntVar(&o.priority, "priority", 0, "order of collection, 1 to 89, lowest first (default: 30, after fixed charges)")
	f.BoolVar(&o.uncapped, "uncapped", false, "collect it beyond the share of a purchase that charges may take")
	choiceFlag(f, &o.against, "against", "account that is credited: "+alternativesText(enum[apiv1.NewDebt]("Against"))+" (default: opening)", enum[apiv1.NewDebt]("Against"))
	f.StringVar(&o.key, "key", "", "idempotency key; repeating it repeats the answer, not the debt")
	return cmd
}

// debt reads the arguments and options.
func (o debtOptions) debt(c console, cmd *cobra.Command, api *client.Client, args []string) (apiv1.NewDebt, error) {
	n := apiv1.NewDebt{Account: args[0], Kind: o.kind, Memo: o.memo, Priority: o.priority, Uncapped: o.uncapped, Against: o.against}
	if o.kind == "" {
		return n, usage("A debt needs a kind.", "Add --kind loan.")
	}
	if o.percent != "" && o.fixed != "" {
		return n, usage("Both --percent and --fixed are given.", "Give one of them. Without both, the debt takes as much of a purchase as it can.")
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
	flags.StringVar(&f.Account, "account", "", "only of this account: its id or the number of its meter")
	flags.BoolVar(&f.Open, "open", false, "only what is not paid yet")
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
		Use: "write-off DEBT", Short: "Write off a debt, or a part of it", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if w.Reason == "" {
				return usage("A write-off needs a reason.", "Write why the money is not expected any more: --reason \"moved away\".")
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
	cmd.Flags().StringVar(&w.Reason, "reason", "", "why, in a few words (needed); written to the audit log")
	cmd.Flags().StringVar(&amount, "amount", "", "amount to write off (default: all that is outstanding)")
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
