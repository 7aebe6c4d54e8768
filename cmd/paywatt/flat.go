package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newFlatCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "flat", Short: "Show the flats of a building, the meters on one feeder"}
	cmd.AddCommand(newFlatList(c), newFlatStatements(c), newFlatLoss(c))
	return cmd
}

func newFlatList(c console) *cobra.Command {
	return list[apiv1.FlatFilter, apiv1.Flat]{
		use: "list", example: "  paywatt flat list\n  paywatt flat list --feeder Riverside",
		of: apiv1.Flats, page: (*client.Client).Flats,
		options: func(flags *pflag.FlagSet, f *apiv1.FlatFilter) {
			flags.StringVar(&f.Feeder, "feeder", "", "only flats of this building")
		},
		table: columns("flat, meter, state, left, as of, days left, last payment, tenant", func(f apiv1.Flat) []any {
			paid := ""
			if p := f.LastPayment; p != nil {
				paid = amountText(p.Amount) + " " + timeText(&p.At)
			}
			return []any{f.Name, f.Meter, f.State, flatLeft(f), timeText(f.AsOf), daysText(f.DaysLeft), paid, f.Tenant}
		}),
	}.command(c)
}

func newFlatStatements(c console) *cobra.Command {
	var building, month string
	cmd := &cobra.Command{
		Use: "statements", Short: "Write the statements of all flats for a month as one PDF file", Args: cobra.NoArgs,
		Long: "Write the statements of all flats for a month as one PDF file: each on pages of its own, in the language of its tenant. Where a tenant moved\n" +
			"during the month, each tenant has one.",
		Example: "  paywatt flat statements --month 2026-11 > statements.pdf\n  paywatt flat statements --month 2026-11 --feeder Riverside > riverside.pdf",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			if month == "" {
				return usage("Statements need a month.", "Add --month 2026-11.")
			}
			b, err := api.FlatStatements(cmd.Context(), building, month)
			if err == nil {
				_, err = c.out.Write(b)
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&month, "month", "", "month of the statements, such as 2026-11")
	cmd.Flags().StringVar(&building, "feeder", "", "only flats of this building")
	return cmd
}

func newFlatLoss(c console) *cobra.Command {
	var on string
	cmd := &cobra.Command{
		Use: "loss BUILDING", Short: "Compare the main meter of a building with its flats", Args: cobra.ExactArgs(1),
		Long: "Compare the main meter of a building with its flats on a local day or in a month. The main meter is named by\n" +
			"paywatt meter set METER --measures BUILDING. All figures are differences of registers; between two readings, energy is shared by time.",
		Example: "  paywatt flat loss Riverside\n  paywatt flat loss Riverside --on 2026-11",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			l, err := api.BuildingLoss(cmd.Context(), args[0], on)
			if err != nil {
				return err
			}
			return c.show(cmd, l, lossTable(l))
		}),
	}
	cmd.Flags().StringVar(&on, "on", "", "local day such as 2026-11-24, or month such as 2026-11; default yesterday")
	return cmd
}

// lossTable has a row for each flat, and then the sum, the main meter and the loss.
func lossTable(l apiv1.BuildingLoss) table {
	kwh := func(wh int64) string { return unit.Energy(wh).KWh(3) }
	rows := append([]apiv1.MeteredFlat{}, l.Flats...)
	rows = append(rows, apiv1.MeteredFlat{Name: "all flats", UnitsWh: l.SumWh}, l.Main)
	rows[len(rows)-1].Name = "main meter"
	if l.LossWh != nil {
		lost := apiv1.MeteredFlat{Name: "loss", UnitsWh: *l.LossWh}
		if l.LossBps != nil {
			lost.Name = fmt.Sprintf("loss %s %%", hundredths(*l.LossBps))
		}
		rows = append(rows, lost)
	}
	return columns("flat, meter, kWh, by time kWh, not known", func(f apiv1.MeteredFlat) []any {
		by := ""
		if f.EstimatedWh > 0 {
			by = kwh(f.EstimatedWh)
		}
		return []any{f.Name, f.Meter, kwh(f.UnitsWh), by, f.Gap}
	})(rows)
}

// flatLeft writes what is left in a flat's wallet or meter; empty if nobody knows it.
func flatLeft(f apiv1.Flat) string {
	switch {
	case f.Left != nil:
		return amountText(*f.Left)
	case f.LeftWh != nil:
		return unit.Energy(*f.LeftWh).KWh(1) + " kWh"
	}
	return ""
}

// daysText writes an estimate of days as a range.
func daysText(d *apiv1.DaysLeft) string {
	switch {
	case d == nil:
		return "unknown"
	case d.Least == d.Most:
		return fmt.Sprintf("about %d", d.Likely)
	}
	return fmt.Sprintf("%d to %d", d.Least, d.Most)
}
