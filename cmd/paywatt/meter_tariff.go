package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterChangeTariff(c console) *cobra.Command {
	var n apiv1.NewTariffChange
	var from time.Time
	var plan bool
	cmd := &cobra.Command{
		Use: "change-tariff METER [TARIFF]", Short: "Change the tariff of a meter", Args: cobra.RangeArgs(1, 2),
		Long: "Change the tariff of a meter, at once or from a moment that has not come. Sales and readings from before keep their price.\n" +
			"A change that makes something cheaper for the customer takes a second person where four eyes apply.",
		Example: "  paywatt meter change-tariff 04140001001 shops --plan\n" +
			"  paywatt meter change-tariff 04140001001 shops --from 2027-01-01T00:00:00+03:00 --reason \"the home is a shop now\"\n" +
			"  paywatt meter change-tariff 04140001001 --withdraw --reason \"it stays a home\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			switch {
			case n.Withdraw && len(args) > 1:
				return usage("--withdraw takes no tariff.", "The tariff from before goes on.")
			case !n.Withdraw && len(args) < 2:
				return usage("The change names no tariff.", "Name the other tariff, or give --withdraw to take back a change that has not begun.")
			case len(args) > 1:
				n.Tariff = args[1]
			}
			if !from.IsZero() {
				n.From = &from
			}
			if plan {
				out, err := api.PlanTariffChange(cmd.Context(), args[0], n)
				return answer(c, cmd, out, err, tariffChangeTable)
			}
			out, err := api.ChangeTariff(cmd.Context(), args[0], n)
			return answer(c, cmd, out, err, tariffChangeTable)
		}),
	}
	f := cmd.Flags()
	timeOption(f, &from, "from", "time when the change begins, such as 2027-01-01T00:00:00+03:00 (default: now)")
	f.BoolVar(&n.Withdraw, "withdraw", false, "take back the change that has not begun")
	f.StringVar(&n.Reason, "reason", "", "why, in a few words (needed without --plan); written to the audit log")
	f.BoolVar(&plan, "plan", false, "only say what would happen")
	return cmd
}

func tariffChangeTable(t apiv1.TariffChange) table {
	rows := []string{"meter", t.Meter, "tariff before", t.Before, "tariff after", t.After, "from", t.From.Format(time.RFC3339), "reason", t.Reason}
	if t.SecondPerson {
		rows = append(rows, "second person", "something becomes cheaper")
	}
	kwh := func(wh *int64) string {
		if wh == nil {
			return "energy costs nothing"
		}
		return unit.Energy(*wh).KWh(1) + " kWh"
	}
	if t.PaysMinor > 0 {
		pays := minorText(t.PaysMinor, t.Currency)
		rows = append(rows, pays+" buys before", kwh(t.BuysBeforeWh), pays+" buys after", kwh(t.BuysAfterWh))
	}
	if t.MonthWh > 0 {
		month := kwh(&t.MonthWh)
		rows = append(rows, month+" a month before", minorText(t.MonthBefore, t.Currency),
			month+" a month after", minorText(t.MonthAfter, t.Currency))
	}
	return fields(rows...)
}

func newMeterTariffs(c console) *cobra.Command {
	return list[apiv1.AccountTariffFilter, apiv1.AccountTariff]{
		use: "tariffs METER", of: apiv1.AccountTariffs, page: (*client.Client).AccountTariffs,
		arg: func(f *apiv1.AccountTariffFilter, meter string) { f.Meter = meter },
		table: columns("tariff, from, state, by, reason", func(t apiv1.AccountTariff) []any {
			return []any{t.Tariff, t.From.Format(time.RFC3339), t.State, t.By, t.Reason}
		}),
	}.command(c)
}
