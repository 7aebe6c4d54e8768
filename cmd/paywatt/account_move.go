package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newAccountMoveOut(c console) *cobra.Command {
	var reason, key string
	var yes bool
	cmd := &cobra.Command{
		Use: "move-out ACCOUNT", Short: "Close the account of a customer with a wallet meter", Args: cobra.ExactArgs(1),
		Example: "  paywatt account move-out 04140001001 --reason \"lease ended\"\n  paywatt account refund acc_01jd00000000000000000000000 --reason \"bank transfer 4711\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if reason == "" {
				return usage("A move-out needs a reason.", "Add --reason \"lease ended\". It is written to the audit log.")
			}
			if err := c.confirm(yes, args[0], "move-out"); err != nil {
				return err
			}
			m, err := api.MoveOut(cmd.Context(), args[0], reason, key)
			if err != nil {
				return err
			}
			minor := func(n int64) string { return minorText(n, m.Currency) }
			if m.Warning != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "Warning: %s is still owed. %s\n", minor(m.StillOwedMinor), m.Warning)
			}
			return c.show(cmd, m, fields("account", m.Account, "status", m.Status, "charged up to", timeText(m.ChargedUpTo), "wallet", minor(m.WalletMinor),
				"deposit", minor(m.DepositMinor), "change", minor(m.CarryMinor), "final bill", minor(m.FinalBillMinor), "debts paid", minor(m.DebtsPaidMinor),
				"refund due", minor(m.RefundDueMinor), "still owed", minor(m.StillOwedMinor), "freed meters", strings.Join(m.Meters, " "), "journal", m.Journal))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "why, in a few words (needed); written to the audit log")
	f.StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the move-out")
	f.BoolVar(&yes, "yes", false, "do not ask for confirmation")
	return cmd
}

func newAccountRefund(c console) *cobra.Command {
	var r apiv1.NewRefund
	var key string
	cmd := &cobra.Command{
		Use: "refund ACCOUNT [AMOUNT]", Short: "Pay a refund that is due, or move it to another account", Args: cobra.RangeArgs(1, 2),
		Example: "  paywatt account refund acc_01jd00000000000000000000000 --reason \"bank transfer 4711\"\n" +
			"  paywatt account refund acc_01jd00000000000000000000000 20.00 --to 04140001019 --reason \"moved to plot 12\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if r.Reason == "" {
				return usage("A refund needs a reason.", "Write who was paid and how: --reason \"bank transfer 4711\".")
			}
			if len(args) == 2 {
				amount, err := amountOf(cmd, api, args[1])
				if err != nil {
					return err
				}
				r.Amount = &amount
			}
			out, err := api.Refund(cmd.Context(), args[0], r, key)
			if err != nil {
				return err
			}
			return c.show(cmd, out, fields("journal", out.ID, "account", out.Account, "amount", amountText(out.Amount), "to", out.To+" "+out.Subject,
				"refund still due", minorText(out.LeftMinor, out.Amount.Currency), "reason", out.Reason))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&r.Bank, "bank", "", "bank account that pays (default: main)")
	f.StringVar(&r.To, "to", "", "account that gets the money instead: its id or the number of its meter")
	f.StringVar(&r.Reason, "reason", "", "who was paid and how (needed); written to the journal and the audit log")
	f.StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the refund")
	return cmd
}

func newAccountTakeOver(c console) *cobra.Command {
	var t apiv1.NewTakeOver
	var key string
	cmd := &cobra.Command{
		Use: "take-over ACCOUNT", Short: "Make an account owe what another account of its customer owes", Args: cobra.ExactArgs(1),
		Example: "  paywatt account take-over 04140001001 --from acc_01jd00000000000000000000000 --reason \"the same tenant, registered twice\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if t.From == "" || t.Reason == "" {
				return usage("A take-over needs the account that owes the money, and a reason.", "Add --from ACCOUNT --reason \"the same tenant\".")
			}
			out, err := api.TakeOver(cmd.Context(), args[0], t, key)
			if err != nil {
				return err
			}
			return c.show(cmd, out, fields("account", out.Account, "from", out.From, "amount", amountText(out.Amount), "reason", out.Reason))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&t.From, "from", "", "account that owes the money: its id, or the number of its meter (needed)")
	f.StringVar(&t.Reason, "reason", "", "why both accounts belong to one customer (needed); written to the audit log")
	f.StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the take-over")
	return cmd
}
