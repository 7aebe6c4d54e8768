package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

func newReportCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "report", Short: "Show reports from the books"}
	cmd.AddCommand(newReportDay(c), newReportHead(c))
	cmd.AddCommand(&cobra.Command{
		Use: "trial-balance", Short: "Show the balance of every ledger account", Args: cobra.NoArgs,
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
	cmd.AddCommand(newReportAccounts(c), newReportBalance(c), newReportJournals(c), newReportRegisters(c), newReportLedger(c), newReportAudit(c))
	return cmd
}

func newReportDay(c console) *cobra.Command {
	return &cobra.Command{
		Use: "day [DATE]", Short: "Show the sales, reversals and free tokens of a day", Args: cobra.MaximumNArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			date := ""
			if len(args) == 1 {
				date = args[0]
			}
			d, err := api.DailyReport(cmd.Context(), date)
			if err != nil {
				return err
			}
			money := func(minor int64) string { return amountText(apiv1.Amount{AmountMinor: minor, Currency: d.Currency}) }
			t := fields("date", d.Date+" "+d.TZ,
				"sales", fmt.Sprintf("%d, %s, %s kWh", d.Sales, money(d.TenderedMinor), unit.Energy(d.UnitsWh).KWh(1)),
				"reversals", fmt.Sprintf("%d, %s, %s kWh", d.Reversals, money(d.RefundedMinor), unit.Energy(d.UnitsBackWh).KWh(1)),
				"free tokens", fmt.Sprintf("%d, %s kWh", d.FreeTokens, unit.Energy(d.UnitsFreeWh).KWh(1)),
				"actions without a second person", fmt.Sprint(len(d.SinglePerson)))
			for _, a := range d.SinglePerson {
				t.add("  "+timeText(&a.At), a.Action+" "+a.Object+" by "+a.Actor)
			}
			t.add("unconfirmed reversals", fmt.Sprint(len(d.Unconfirmed)))
			for _, u := range d.Unconfirmed {
				t.add("  "+timeText(&u.At), unconfirmedText(u))
			}
			for _, p := range d.People {
				t.add("taken alone by "+p.Name, fmt.Sprintf("%s: %d of %d", p.Ceiling, p.Taken, p.Most)+unusualText(p.Unusual))
			}
			for _, s := range d.Shifts {
				t.add("till "+s.Till+" of "+s.Operator, "counted "+maybeAmount(s.Counted)+", difference "+maybeAmount(s.Difference))
			}
			t.add("head", d.Head)
			return c.show(cmd, d, t)
		}),
	}
}

// unusualText returns the alarms about what somebody took.
func unusualText(why []string) string {
	if len(why) == 0 {
		return ""
	}
	return ", unusual: " + strings.Join(why, ", ")
}

// unconfirmedText returns one line about a reversal that the meter has not confirmed.
func unconfirmedText(u apiv1.UnconfirmedReversal) string {
	text := fmt.Sprintf("%s of %s to meter %s, sold by %s", u.Vend, amountText(u.Amount), u.Meter, u.SoldBy)
	if u.Vendor != "" {
		text += " of vendor " + u.Vendor
	}
	text += ", reversed by " + u.By
	if u.ApprovedBy != "" {
		text += ", approved by " + u.ApprovedBy
	}
	if u.Used {
		text += "; the meter loaded the token, and its value is now a debt"
	}
	return text
}
