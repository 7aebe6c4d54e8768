package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newDayCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "day", Short: "Close days of the books, and show their figures"}
	cmd.AddCommand(newDayNext(c), newDayClose(c), newDayList(c), newDayShow(c))
	return cmd
}

func newDayNext(c console) *cobra.Command {
	return &cobra.Command{
		Use: "next", Short: "Show the first open day and what is pending at its end", Args: cobra.NoArgs,
		Example: "  paywatt day next",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			o, err := api.OpenDay(cmd.Context())
			return answer(c, cmd, o, err, func(o apiv1.OpenDay) table {
				out := []string{"date", o.Date, "from", timeText(o.From), "to", timeText(o.To), "over", strconv.FormatBool(o.Over), "open days", strconv.Itoa(o.Days)}
				for _, p := range o.Pending {
					out = append(out, "pending", pendingText(p))
				}
				for _, s := range o.SoldWithoutShift {
					out = append(out, "without a shift "+s.Seller, cashSellerText(s, o.Currency))
				}
				return fields(out...)
			})
		}),
	}
}

// cashSellerText writes what somebody sold in no shift.
func cashSellerText(s apiv1.DayCashSeller, currency string) string {
	return strconv.FormatInt(s.Sales, 10) + " for " + minorText(s.SoldMinor, currency) + ", reversed " + minorText(s.ReversedMinor, currency)
}

// pendingText writes something that is pending.
func pendingText(p apiv1.DayPending) string {
	text := strings.TrimSpace(p.Kind + " " + p.Title + " " + p.ID)
	if p.Stops {
		text += " (must be closed first)"
	}
	return text
}

func newDayClose(c console) *cobra.Command {
	var d apiv1.CloseDay
	cmd := &cobra.Command{
		Use: "close [DATE]", Short: "Close the first open day; its figures never change again", Args: cobra.MaximumNArgs(1),
		Example: "  paywatt day close\n  paywatt day close 2026-11-20 --accept --note \"one reading in doubt\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if len(args) > 0 {
				d.Date = args[0]
			}
			day, err := api.CloseDay(cmd.Context(), d)
			return answer(c, cmd, day, err, closedDayTable)
		}),
	}
	cmd.Flags().BoolVar(&d.Accept, "accept", false, "close although things are pending that do not stop it")
	cmd.Flags().StringVar(&d.Note, "note", "", "a note that the closed day keeps")
	return cmd
}

func newDayList(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.ClosedDay]{
		use: "list", example: "  paywatt day list", of: apiv1.ClosedDays, page: (*client.Client).ClosedDays, limit: 50,
		table: columns("date, journals, debits, closed, by, pending", func(d apiv1.ClosedDay) []any {
			return []any{d.Date, d.Journals, minorText(d.DebitsMinor, d.Currency), timeText(&d.ClosedAt), d.ClosedBy, len(d.Pending)}
		}),
	}.command(c)
}

func newDayShow(c console) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "show DATE", Short: "Show the stored figures of a closed day", Args: cobra.ExactArgs(1),
		Example: "  paywatt day show 2026-11-20\n  paywatt day show 2026-11-20 --format pdf > day.pdf",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if format != "" {
				b, err := api.ClosedDayPaper(cmd.Context(), args[0], format)
				if err == nil {
					_, err = cmd.OutOrStdout().Write(b)
				}
				return err
			}
			d, err := api.ClosedDay(cmd.Context(), args[0])
			return answer(c, cmd, d, err, closedDayTable)
		}),
	}
	choiceFlag(cmd.Flags(), &format, "format", "write the day as a file: csv or pdf", []string{"csv", "pdf"})
	return cmd
}

func closedDayTable(d apiv1.ClosedDay) table {
	money := func(n int64) string { return minorText(n, d.Currency) }
	out := []string{"date", d.Date, "from", timeText(&d.From), "to", timeText(&d.To), "closed", timeText(&d.ClosedAt), "closed by", d.ClosedBy, "note", d.Note,
		"journals", strconv.FormatInt(d.Journals, 10), "debits", money(d.DebitsMinor), "pending", strconv.Itoa(len(d.Pending)), "seal", strconv.FormatInt(d.Seal, 10), "epoch", strconv.FormatInt(d.Epoch, 10)}
	for _, s := range d.Sellers {
		out = append(out, strings.TrimSpace("sales "+s.Path+" "+s.Subject), strconv.FormatInt(s.Sales, 10)+" for "+money(s.SoldMinor)+", reversed "+strconv.FormatInt(s.Reversals, 10)+" for "+money(s.PaidBackMinor))
	}
	for _, s := range d.SoldWithoutShift {
		out = append(out, "without a shift "+s.Seller, cashSellerText(s, d.Currency))
	}
	for _, a := range d.Accounts {
		out = append(out, strings.TrimSpace(strconv.FormatInt(a.Code, 10)+" "+a.Path+" "+a.Subject),
			money(a.OpeningMinor)+" + "+money(a.DebitMinor)+" - "+money(a.CreditMinor)+" = "+money(a.ClosingMinor))
	}
	return fields(out...)
}
