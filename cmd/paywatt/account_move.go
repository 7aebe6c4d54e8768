package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newAccountMoveOut(c console) *cobra.Command {
	var m apiv1.MoveOut
	var credit, key string
	var yes, plan bool
	cmd := &cobra.Command{
		Use: "move-out ACCOUNT", Short: "Close the account of a customer who moves out", Args: cobra.ExactArgs(1),
		Long: "Close the account of a customer who moves out, and free its meter for the next one. A wallet meter is switched off. A keypad meter\n" +
			"stays on with the credit that is in it: read its display, and give the credit. The statements of both customers say it.\n" +
			"With --plan, only say what would happen to the customer's money.",
		Example: "  paywatt account move-out 04140001001 --plan\n" +
			"  paywatt account move-out 04140001001 --reason \"lease ended\"\n" +
			"  paywatt account move-out 04140001019 --credit 12.4 --reason \"lease ended\"\n" +
			"  paywatt account refund acc_01jd00000000000000000000000 --reason \"bank transfer 4711\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			var err error
			if m.Credit, err = creditTyped(credit); err != nil {
				return err
			}
			if plan {
				out, err := api.PlanMoveOut(cmd.Context(), args[0], m)
				if err != nil {
					return err
				}
				warnOfDebt(cmd, out)
				return c.show(cmd, out, moveOutTable(out))
			}
			if m.Reason == "" {
				return usage("A move-out needs a reason.", "Add --reason \"lease ended\". It is written to the audit log.")
			}
			if err := c.confirm(yes, args[0], "move-out"); err != nil {
				return err
			}
			out, err := api.MoveOut(cmd.Context(), args[0], m, key)
			if err != nil {
				return err
			}
			warnOfDebt(cmd, out)
			return c.show(cmd, out, moveOutTable(out))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&m.Reason, "reason", "", "why, in a few words (needed); written to the audit log")
	f.StringVar(&credit, "credit", "", "kilowatt-hours left, read off the display of a keypad meter, or unknown (needed for a keypad meter)")
	f.StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the move-out")
	f.BoolVar(&yes, "yes", false, "do not ask for confirmation")
	f.BoolVar(&plan, "plan", false, "only say what would happen")
	return cmd
}

// warnOfDebt warns of a debt that a move-out leaves.
func warnOfDebt(cmd *cobra.Command, m apiv1.MovedOut) {
	if m.Warning != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "Warning: %s stays owed. %s\n", minorText(m.StillOwedMinor, m.Currency), m.Warning)
	}
}

// moveOutTable shows what a move-out does, or did.
func moveOutTable(m apiv1.MovedOut) table {
	minor := func(n int64) string { return minorText(n, m.Currency) }
	rows := []string{"account", m.Account, "status", m.Status, "customer", m.Name, "telephone number that ends", m.Phone,
		"charged up to", timeText(m.ChargedUpTo), "fixed charges up to", m.FixedUpTo,
		"wallet", minor(m.WalletMinor), "deposit", minor(m.DepositMinor), "change", minor(m.CarryMinor),
		"final bill", minor(m.FinalBillMinor)}
	for _, c := range m.Claims {
		text := minor(c.PaidMinor) + " of " + minor(c.OwedMinor)
		if c.BeforeMinor > c.OwedMinor {
			text += " (before the last month was counted by days: " + minor(c.BeforeMinor) + ")"
		}
		rows = append(rows, strings.TrimSpace("pays "+c.Kind+" "+c.Month), text)
	}
	rows = append(rows, "debts paid", minor(m.DebtsPaidMinor), "refund due", minor(m.RefundDueMinor), "still owed", minor(m.StillOwedMinor),
		"credit left in the meter", creditText(m.Credit), "freed meters", strings.Join(m.Meters, " "))
	if m.SecondPerson {
		rows = append(rows, "second person", "must agree, because a debt is left")
	}
	if m.StillAllowed > 0 {
		rows = append(rows, "may still supply", unit.Energy(m.StillAllowed).KWh(1)+" kWh, paid by nobody")
	}
	if m.UnitsWh > 0 {
		rows = append(rows, "energy in the blocks of the month", unit.Energy(m.UnitsWh).KWh(1)+" kWh")
	}
	if m.FreeDueWh > 0 {
		rows = append(rows, "free units that end", unit.Energy(m.FreeDueWh).KWh(1)+" kWh")
	}
	if m.EndsTariffFrom != nil {
		rows = append(rows, "planned tariff that ends", m.EndsTariff+" from "+timeText(m.EndsTariffFrom))
	}
	return fields(append(rows, "journal", m.Journal)...)
}

// unknownCredit is what people type if nobody can read the display of a keypad meter.
const unknownCredit = "unknown"

// creditTyped reads the credit of a keypad meter as people type it.
func creditTyped(text string) (apiv1.Credit, error) {
	switch text {
	case "":
		return apiv1.Credit{}, nil
	case unknownCredit:
		return apiv1.Credit{CreditUnknown: true}, nil
	}
	wh, ok := exactly(text, int64(unit.KilowattHour))
	if !ok {
		return apiv1.Credit{}, usage("--credit "+text+" is not a number of kilowatt-hours.", "Write it as 25 or 12.3, or as "+unknownCredit+".")
	}
	return apiv1.Credit{CreditWh: &wh}, nil
}

// creditText shows the credit of a keypad meter; it is empty for other meters.
func creditText(c apiv1.Credit) string {
	switch {
	case c.CreditWh != nil:
		return unit.Energy(*c.CreditWh).KWh(3) + " kWh"
	case c.CreditUnknown:
		return unknownCredit
	}
	return ""
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
