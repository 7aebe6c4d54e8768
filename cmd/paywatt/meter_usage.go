package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterUsage(c console) *cobra.Command {
	return list[apiv1.UsageFilter, apiv1.Usage]{
		use: "usage METER", example: "  paywatt meter usage 04140001001 --by week --from 2026-11-01",
		of: apiv1.MeterUsage, page: (*client.Client).Usage, arg: func(f *apiv1.UsageFilter, meter string) { f.Meter = meter }, limit: 31,
		options: func(flags *pflag.FlagSet, f *apiv1.UsageFilter) {
			f.By = "day"
			choiceFlag(flags, &f.By, "by", "period of a row: "+alternativesText(enum[apiv1.UsageFilter]("By")), enum[apiv1.UsageFilter]("By"))
			flags.StringVar(&f.From, "from", "", "first local day, such as 2026-11-01")
			flags.StringVar(&f.To, "to", "", "last local day, such as 2026-11-30")
		},
		table: columns("from, kWh, estimated kWh, charged", func(u apiv1.Usage) []any {
			return []any{u.From, unit.Energy(u.UnitsWh).KWh(3), someKWh(u.EstimatedWh, 3), minorText(u.AmountMinor, u.Currency)}
		}),
	}.command(c)
}

// liveText shows the live estimate of a wallet with its time, so that it is not mistaken for the settled balance.
func liveText(l *apiv1.WalletEstimate) string {
	if l == nil {
		return ""
	}
	text := minorText(l.AmountMinor, l.Currency)
	if l.AsOf != nil {
		text += " as of " + timeText(l.AsOf)
	}
	if l.Held != "" {
		text += " (charging is held for review: " + l.Held + ")"
	}
	return text
}
