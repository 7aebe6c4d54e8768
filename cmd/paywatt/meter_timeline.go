package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newMeterTimeline(c console) *cobra.Command {
	return list[apiv1.MomentFilter, apiv1.Moment]{
		use: "timeline METER", example: "  paywatt meter timeline 04140001001\n  paywatt meter timeline 04140001001 --kind order",
		of: apiv1.Timeline, page: (*client.Client).Timeline, arg: func(f *apiv1.MomentFilter, meter string) { f.Meter = meter },
		options: func(flags *pflag.FlagSet, f *apiv1.MomentFilter) {
			flags.StringVar(&f.Kind, "kind", "", "only sale, token, order, setting, event, doubt, alarm, message, swap or tariff")
		},
		table: columns("at, kind, what, state, amount, kwh, by, note", func(m apiv1.Moment) []any {
			amount, units := "", ""
			if m.Currency != "" {
				amount = amountText(apiv1.Amount{AmountMinor: m.AmountMinor, Currency: m.Currency})
			}
			if m.UnitsWh != 0 {
				units = kwhOf(&m.UnitsWh, 1)
			}
			return []any{timeText(&m.At), m.Kind, m.What, m.State, amount, units, m.By, m.Note}
		}),
	}.command(c)
}
