package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newMeterAlarms(c console) *cobra.Command {
	return list[apiv1.AlarmFilter, apiv1.Alarm]{
		use: "alarms [METER]", example: "  paywatt meter alarms\n  paywatt meter alarms 04140001001 --all",
		of: apiv1.Alarms, page: (*client.Client).Alarms, arg: func(f *apiv1.AlarmFilter, meter string) { f.Meter = meter },
		options: func(flags *pflag.FlagSet, f *apiv1.AlarmFilter) {
			f.Open = true
			flags.BoolFunc("all", "also list alarms that have ended", func(all string) (err error) {
				f.Open = all != "true"
				return nil
			})
		},
		table: columns("raised, meter, feeder, server, code, cleared, text", func(a apiv1.Alarm) []any {
			return []any{timeText(&a.RaisedAt), a.Meter, a.Feeder, a.Server, a.Code, timeText(a.ClearedAt), a.Text}
		}),
	}.command(c)
}
