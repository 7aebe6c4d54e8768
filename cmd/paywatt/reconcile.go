package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newReconcileCommand(c console) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "reconcile PROVIDER FILE", Short: "Compare a provider's statement with payments and books", Args: cobra.ExactArgs(2),
		Long: "Send the statement file of a payment provider, or - for standard input: M-Pesa's CSV, CAMT.053 or MT940. The days that it covers are then\n" +
			"compared with the payments and the books. Uploading the same file again changes nothing.\n" +
			"The beginning of a file tells its format. If it is taken for another format, give --format.",
		Example: "  paywatt reconcile mpesa statement.csv\n  paywatt reconcile bank november.txt --format mt940\n  paywatt reconcile list --provider mpesa",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			file, err := c.readInput(args[1])
			if err != nil {
				return usage("The file cannot be read: "+err.Error()+".", "Give a file that you may read, or - for standard input.")
			}
			f, err := api.UploadStatement(cmd.Context(), args[0], file, format)
			return answer(c, cmd, f, err, statementFileTable)
		}),
	}
	choiceFlag(cmd.Flags(), &format, "format", "format of the file; without it, the beginning of the file tells it", enum[apiv1.StatementFile]("Format"))
	cmd.AddCommand(newReconcileList(c), newReconcileRun(c), newReconcileDifferences(c), newReconcileClose(c), newReconcileAssign(c), newReconcileFiles(c), newReconcileCall(c), newReconcileRead(c))
	return cmd
}

func newReconcileList(c console) *cobra.Command {
	return list[apiv1.ReconciliationFilter, apiv1.Reconciliation]{
		use: "list", example: "  paywatt reconcile list --provider mpesa", of: apiv1.Reconciliations, page: (*client.Client).Reconciliations, limit: 31,
		options: func(flags *pflag.FlagSet, f *apiv1.ReconciliationFilter) {
			flags.StringVar(&f.Provider, "provider", "", "only days of this provider")
			flags.StringVar(&f.Date, "date", "", "only this day, as 2026-11-20")
		},
		table: columns("date, provider, state, differences, not compared, in statement, payments, stated, paid, booked, fees", func(r apiv1.Reconciliation) []any {
			m := func(minor int64) string { return amountText(apiv1.Amount{AmountMinor: minor, Currency: r.Currency}) }
			return []any{r.Date, r.Provider, r.State, r.OpenDifferences, strings.Join(r.Unknown, " "), r.Rows, r.Payments, m(r.StatedMinor), m(r.PaidMinor), m(r.BookedMinor), m(r.FeesMinor)}
		}),
	}.command(c)
}

func newReconcileRun(c console) *cobra.Command {
	return &cobra.Command{
		Use: "run PROVIDER DATE", Short: "Compare a day of a provider now", Args: cobra.ExactArgs(2), Example: "  paywatt reconcile run mpesa 2026-11-20",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			r, err := api.Reconcile(cmd.Context(), apiv1.Reconcile{Provider: args[0], Date: args[1]})
			return answer(c, cmd, r, err, func(r apiv1.Reconciliation) table {
				return fields("date", r.Date, "provider", r.Provider, "state", r.State, "differences", strconv.Itoa(r.OpenDifferences), "not compared", strings.Join(r.Unknown, " "), "in statement", strconv.Itoa(r.Rows), "payments", strconv.Itoa(r.Payments))
			})
		}),
	}
}

func newReconcileDifferences(c console) *cobra.Command {
	return list[apiv1.DifferenceFilter, apiv1.Difference]{
		use: "differences", example: "  paywatt reconcile differences --open", of: apiv1.Differences, page: (*client.Client).Differences, limit: 50,
		options: func(flags *pflag.FlagSet, f *apiv1.DifferenceFilter) {
			flags.StringVar(&f.Provider, "provider", "", "only those of this provider")
			flags.StringVar(&f.Date, "date", "", "only this day, as 2026-11-20")
			choiceFlag(flags, &f.Kind, "kind", "only those of this kind", enum[apiv1.DifferenceFilter]("Kind"))
			flags.BoolVar(&f.Open, "open", false, "only those that are not settled")
		},
		table: columns("date, provider, kind, name there, payment, stated, paid, booked, suggested act, owner, open, id", func(d apiv1.Difference) []any {
			m := func(minor int64) string { return amountText(apiv1.Amount{AmountMinor: minor, Currency: d.Currency}) }
			return []any{d.Date, d.Provider, d.Kind, d.ProviderTxn, d.Payment, m(d.StatedMinor), m(d.PaidMinor), m(d.BookedMinor), d.Act, d.Owner, d.Open, d.ID}
		}),
	}.command(c)
}

func newReconcileClose(c console) *cobra.Command {
	var d apiv1.CloseDifference
	cmd := &cobra.Command{
		Use: "close DIFFERENCE", Short: "Close a difference with a reason", Args: cobra.ExactArgs(1),
		Example: "  paywatt reconcile close dif_01jd0000000000000000000000 --why \"the provider has paid it back\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			closed, err := api.CloseDifference(cmd.Context(), args[0], d)
			return answer(c, cmd, closed, err, differenceTable)
		}),
	}
	cmd.Flags().StringVar(&d.Why, "why", "", "why it is settled (needed)")
	cmd.Flags().StringVar(&d.Payment, "payment", "", "id of the payment that an unreadable call was about")
	cmd.Flags().BoolVar(&d.AnotherPayment, "another-payment", false, "of a row that is perhaps the same: take it as another payment")
	return cmd
}

func newReconcileAssign(c console) *cobra.Command {
	return &cobra.Command{
		Use: "assign DIFFERENCE OWNER", Short: "Give a difference to the person who looks after it", Args: cobra.ExactArgs(2),
		Example: "  paywatt reconcile assign dif_01jd0000000000000000000000 Amina",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			d, err := api.AssignDifference(cmd.Context(), args[0], apiv1.AssignDifference{Owner: args[1]})
			return answer(c, cmd, d, err, differenceTable)
		}),
	}
}

func newReconcileFiles(c console) *cobra.Command {
	return list[apiv1.StatementFileFilter, apiv1.StatementFile]{
		use: "files", example: "  paywatt reconcile files --provider mpesa", of: apiv1.StatementFiles, page: (*client.Client).StatementFiles, limit: 50,
		options: func(flags *pflag.FlagSet, f *apiv1.StatementFileFilter) {
			flags.StringVar(&f.Provider, "provider", "", "only those of this provider")
		},
		table: columns("uploaded, by, provider, format, state, from, to, rows, new rows, perhaps the same, not booked, id", func(f apiv1.StatementFile) []any {
			return []any{timeText(&f.UploadedAt), f.UploadedBy, f.Provider, f.Format, f.State, timeText(&f.From), timeText(&f.To), f.Rows, f.NewRows, f.DoubtfulRows, f.Skipped, f.ID}
		}),
	}.command(c)
}

func newReconcileCall(c console) *cobra.Command {
	return &cobra.Command{
		Use: "call DIFFERENCE", Short: "Show a provider's call that could not be read", Args: cobra.ExactArgs(1), Example: "  paywatt reconcile call dif_01jd0000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			d, err := api.DifferenceCall(cmd.Context(), args[0])
			return answer(c, cmd, d, err, func(d apiv1.DifferenceCall) table {
				return fields("difference", d.Difference, "provider", d.Provider, "address", d.What, "from", d.From, "received", timeText(&d.ReceivedAt), "not read because", d.Why, "body", d.Body)
			})
		}),
	}
}

func newReconcileRead(c console) *cobra.Command {
	return &cobra.Command{
		Use: "read DIFFERENCE", Short: "Read a provider's call again", Args: cobra.ExactArgs(1), Example: "  paywatt reconcile read dif_01jd0000000000000000000000",
		Long: "Read a call again that could not be read, for example after an upgrade. If the program understands it now, its payments take the usual way and the\n" +
			"difference is settled.",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			d, err := api.ReadDifferenceCall(cmd.Context(), args[0])
			return answer(c, cmd, d, err, differenceTable)
		}),
	}
}

func statementFileTable(f apiv1.StatementFile) table {
	return fields("statement", f.ID, "provider", f.Provider, "format", f.Format, "state", f.State, "from", timeText(&f.From), "to", timeText(&f.To), "rows", strconv.Itoa(f.Rows),
		"new rows", strconv.Itoa(f.NewRows), "perhaps the same", strconv.Itoa(f.DoubtfulRows), "not booked", strconv.Itoa(f.Skipped))
}

func differenceTable(d apiv1.Difference) table {
	return fields("difference", d.ID, "date", d.Date, "provider", d.Provider, "kind", d.Kind, "suggested act", d.Act, "owner", d.Owner, "open", strconv.FormatBool(d.Open), "settled by", d.ClosedBy, "why", d.Why)
}
