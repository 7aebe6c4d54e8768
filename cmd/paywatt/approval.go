package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newApprovalCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "approval", Short: "Acts that wait for a second person"}
	var state string
	list := &cobra.Command{
		Use: "list", Short: "List the acts that you asked for or could allow", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			all, err := every(func(p client.Page) (client.List[client.Approval], error) {
				return api.Approvals(cmd.Context(), state, p)
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"id", "state", "act", "by", "what"}}
			for _, a := range all {
				t.add(a.ID, a.State, a.Act, a.Maker, a.Summary)
			}
			return c.show(cmd, all, t)
		}),
	}
	list.Flags().StringVar(&state, "state", "waiting", "waiting, approved, rejected, done, or empty for all")
	cmd.AddCommand(list, newApprovalShow(c), newDecision(c, "approve", "Allow an act, which is then done", true), newDecision(c, "reject", "Refuse an act", false))
	return cmd
}

func newApprovalShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show all of an act that you asked for or could allow", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			all, err := every(func(p client.Page) (client.List[client.Approval], error) { return api.Approvals(cmd.Context(), "", p) })
			if err != nil {
				return err
			}
			for _, a := range all {
				if a.ID == args[0] {
					return c.show(cmd, a, fields("approval", a.ID, "state", a.State, "what", a.Summary, "by", a.Maker, "request", string(a.Request),
						"decided by", a.Checker, "reason", a.Reason))
				}
			}
			return &failure{code: exitNotFound, what: "There is no approval " + args[0] + " that you could see.", not: "Nothing is shown.", try: "List them: paywatt approval list --state ''."}
		}),
	}
}

func newDecision(c console, verb, short string, allow bool) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			a, err := api.Decide(cmd.Context(), args[0], allow, reason)
			if err != nil {
				return err
			}
			t := fields("approval", a.ID, "state", a.State, "what", a.Summary, "by", a.Maker, "decided by", a.Checker, "result", a.Result)
			if m := a.Meter; m != nil {
				c.tell("The secrets below are shown only once. Store them where only the meter's installer can find them.")
				t.rows = append(t.rows, fields("mqtt password", m.MQTTPassword, "link key", m.LinkKey, "decoder key", m.DecoderKey).rows...)
			}
			return c.show(cmd, a, t)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept in the audit log")
	return cmd
}

func newClockCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "clock", Short: "The server's clock"}
	var reason string
	trust := &cobra.Command{
		Use: "trust", Short: "Confirm that the server's clock is right, so that sales go on", Args: cobra.NoArgs,
		Long: "The server refuses sales while it doubts its clock (clock-untrusted). It doubts the clock for one of three reasons: the clock was moved\n" +
			"while the server ran; it was more than 24 hours past the last known time when the server started, and no time service confirms it;\n" +
			"or tokens have a later time, because the clock was wrong when they were issued. Compare the clock with another one before you\n" +
			"trust it: token numbers and the dates of payments come from it and cannot be taken back.",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			if err := api.TrustClock(cmd.Context(), reason); err != nil {
				return err
			}
			c.tell("The clock is trusted; sales go on.")
			return nil
		}),
	}
	trust.Flags().StringVar(&reason, "reason", "", "why it is right; kept in the audit log")
	cmd.AddCommand(trust)
	return cmd
}

func newVendCopy(c console) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "copy SALE", Short: "Print a receipt again, marked as a copy", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			paper, err := api.Reprint(cmd.Context(), args[0], format)
			if err == nil {
				_, err = c.out.Write(paper)
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&format, "format", "text48", "text32, text48, html, sms or json")
	return cmd
}

func newReportDay(c console) *cobra.Command {
	return &cobra.Command{
		Use: "day [DATE]", Short: "Report a day: sales, reversals, acts of one person, the head of the log", Args: cobra.MaximumNArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			date := ""
			if len(args) == 1 {
				date = args[0]
			}
			d, err := api.DailyReport(cmd.Context(), date)
			if err != nil {
				return err
			}
			money := func(minor int64) string { return amountText(client.Amount{AmountMinor: minor, Currency: d.Currency}) }
			t := fields("date", d.Date+" "+d.TZ,
				"sales", fmt.Sprintf("%d, %s, %s kWh", d.Sales, money(d.TenderedMinor), unit.Energy(d.UnitsWh).KWh(1)),
				"reversals", fmt.Sprintf("%d, %s, %s kWh", d.Reversals, money(d.GivenBackMinor), unit.Energy(d.UnitsBackWh).KWh(1)),
				"free tokens", fmt.Sprintf("%d, %s kWh", d.FreeTokens, unit.Energy(d.UnitsFreeWh).KWh(1)),
				"acts of one person", fmt.Sprint(len(d.SinglePerson)))
			for _, a := range d.SinglePerson {
				t.add("  "+timeText(&a.At), a.Action+" "+a.Object+" by "+a.Actor)
			}
			t.add("unconfirmed reversals", fmt.Sprint(len(d.Unconfirmed)))
			for _, u := range d.Unconfirmed {
				t.add("  "+timeText(&u.At), unconfirmedText(u))
			}
			t.add("head", d.Head)
			return c.show(cmd, d, t)
		}),
	}
}

// unconfirmedText returns one line about a reversal that the meter has not confirmed.
func unconfirmedText(u client.UnconfirmedReversal) string {
	text := fmt.Sprintf("%s of %s to meter %s, sold by %s", u.Vend, amountText(u.Amount), u.Meter, u.SoldBy)
	if u.Vendor != "" {
		text += " of vendor " + u.Vendor
	}
	text += ", reversed by " + u.By
	if u.ApprovedBy != "" {
		text += ", approved by " + u.ApprovedBy
	}
	if u.Used {
		text += "; the token was used and its value is a debt"
	}
	return text
}
