package main

import (
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newShiftCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "shift", Short: "Open, count and close the utility's own tills"}
	cmd.AddCommand(newShiftOpen(c), newShiftClose(c), newShiftPayout(c), newShiftList(c), newShiftReport(c))
	return cmd
}

// mine names the asker's own open shift.
const mine = "mine"

// shiftArg returns the shift that a command names, or the asker's own.
func shiftArg(args []string) string {
	if len(args) == 0 {
		return mine
	}
	return args[0]
}

const keyHelp = "idempotency key; repeating it repeats the answer, not the booking"

func newShiftOpen(c console) *cobra.Command {
	var till, opening, key string
	cmd := &cobra.Command{
		Use: "open", Short: "Open a shift of your own; your sales go to it", Args: cobra.NoArgs,
		Example: "  paywatt shift open --till main --opening 500",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			n := apiv1.NewShift{Till: till}
			if opening != "" {
				amount, err := amountOf(cmd, api, opening)
				if err != nil {
					return err
				}
				n.Opening = &amount
			}
			s, err := api.OpenShift(cmd.Context(), n, key)
			return answer(c, cmd, s, err, shiftTable)
		}),
	}
	cmd.Flags().StringVar(&till, "till", "", "name of the till, which begins its receipt numbers (default: main)")
	cmd.Flags().StringVar(&opening, "opening", "", "cash in the till at the beginning, from the bank (default: none)")
	cmd.Flags().StringVar(&key, "key", "", keyHelp)
	return cmd
}

func newShiftClose(c console) *cobra.Command {
	var counted, note, key string
	cmd := &cobra.Command{
		Use: "close [SHIFT]", Short: "Close a shift with the counted cash; the difference is booked", Args: cobra.MaximumNArgs(1),
		Example: "  paywatt shift close --counted 12350.50\n" +
			"  paywatt shift close till-2 --counted 0 --note \"cash was taken to the bank\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if counted == "" {
				return usage("--counted is missing.", "Count the cash in the till, with the opening float.")
			}
			amount, err := amountOf(cmd, api, counted)
			if err != nil {
				return err
			}
			s, err := api.CloseShift(cmd.Context(), shiftArg(args), apiv1.ShiftCount{Counted: amount, Note: note}, key)
			return answer(c, cmd, s, err, shiftTable)
		}),
	}
	cmd.Flags().StringVar(&counted, "counted", "", "cash in the till, with the opening float (needed)")
	cmd.Flags().StringVar(&note, "note", "", "what explains a difference")
	cmd.Flags().StringVar(&key, "key", "", keyHelp)
	return cmd
}

func newShiftPayout(c console) *cobra.Command {
	var shift, reason, key string
	cmd := &cobra.Command{
		Use: "payout AMOUNT", Short: "Record cash that goes from a till to the bank before closing", Args: cobra.ExactArgs(1),
		Example: "  paywatt shift payout 20000 --reason \"noon deposit\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			amount, err := amountOf(cmd, api, args[0])
			if err != nil {
				return err
			}
			r, err := api.PayOutShift(cmd.Context(), shift, apiv1.ShiftPayout{Amount: amount, Reason: reason}, key)
			return answer(c, cmd, r, err, shiftReportTable)
		}),
	}
	cmd.Flags().StringVar(&shift, "shift", mine, "id of the shift, or name of the till")
	cmd.Flags().StringVar(&reason, "reason", "", "reason, for the audit log")
	cmd.Flags().StringVar(&key, "key", "", keyHelp)
	return cmd
}

func newShiftList(c console) *cobra.Command {
	return list[apiv1.ShiftFilter, apiv1.Shift]{
		use: "list", example: "  paywatt shift list --state open", of: apiv1.Shifts, page: (*client.Client).Shifts, limit: 50,
		options: func(flags *pflag.FlagSet, f *apiv1.ShiftFilter) {
			flags.StringVar(&f.Till, "till", "", "only shifts of this till")
			flags.StringVar(&f.Operator, "operator", "", "only shifts of this person, as the list shows the name")
			choiceFlag(flags, &f.State, "state", "only shifts in this state: open or closed", enum[apiv1.ShiftFilter]("State"))
		},
		table: columns("till, operator, opened, closed, expected, counted, difference, id", func(s apiv1.Shift) []any {
			return []any{s.Till, s.Operator, timeText(&s.OpenedAt), timeText(s.ClosedAt), maybeAmount(s.Expected), maybeAmount(s.Counted), maybeAmount(s.Difference), s.ID}
		}),
	}.command(c)
}

func newShiftReport(c console) *cobra.Command {
	var format, to string
	cmd := &cobra.Command{
		Use: "report [SHIFT]", Short: "Show the Z report of a shift, or what it is so far", Args: cobra.MaximumNArgs(1),
		Example: "  paywatt shift report\n  paywatt shift report main\n  paywatt shift report main --format pdf > z.pdf",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if err := noPrinter(to, format); err != nil {
				return err
			}
			if format != "" {
				b, err := api.ShiftPaper(cmd.Context(), shiftArg(args), format)
				if err != nil {
					return err
				}
				return c.deliver(cmd, b, to)
			}
			r, err := api.ShiftReport(cmd.Context(), shiftArg(args))
			return answer(c, cmd, r, err, shiftReportTable)
		}),
	}
	printFlag(cmd, &to)
	choiceFlag(cmd.Flags(), &format, "format", "write the report as a paper: pdf, text32, text48, escpos58 or escpos80", []string{"pdf", "text32", "text48", "escpos58", "escpos80"})
	return cmd
}

// maybeAmount writes an amount that may be missing.
func maybeAmount(a *apiv1.Amount) string {
	if a == nil {
		return ""
	}
	return amountText(*a)
}

func shiftTable(s apiv1.Shift) table {
	return fields(shiftFields(s)...)
}

func shiftFields(s apiv1.Shift) []string {
	out := []string{"shift", s.ID, "till", s.Till, "operator", s.Operator, "state", s.State, "opened", timeText(&s.OpenedAt), "opening", amountText(s.Opening)}
	if s.Expected != nil {
		out = append(out, "closed", timeText(s.ClosedAt), "closed by", s.ClosedBy, "expected", maybeAmount(s.Expected), "counted", maybeAmount(s.Counted),
			"difference", maybeAmount(s.Difference), "note", s.Note)
	}
	return out
}

func shiftReportTable(r apiv1.ShiftReport) table {
	out := append(shiftFields(r.Shift), "sales", strconv.FormatInt(r.Sales, 10), "sold", amountText(r.Sold), "reversals", strconv.FormatInt(r.Reversals, 10), "paid back", amountText(r.PaidBack),
		"paid out", amountText(r.PaidOut), "left in the till", amountText(r.Left), "first receipt", r.FirstReceipt, "last receipt", r.LastReceipt)
	for _, p := range r.Breakdown {
		out = append(out, p.Path, amountText(p.Amount))
	}
	return fields(out...)
}
