package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterToken(c console) *cobra.Command {
	var n apiv1.NewTokens
	var next apiv1.NextKey
	var units, key string
	cmd := &cobra.Command{
		Use: "give-token METER KIND", Short: "Make a token that nobody buys: replacement, free, key_change, clear_credit, clear_tamper, power_limit",
		Example: "  paywatt meter give-token 04140001001 replacement --units 25 --reason-code meter_swap\n" +
			"  paywatt meter give-token 04140001001 key_change --krn 2 --reason-code key_campaign",
		Args: cobra.ExactArgs(2),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n.Kind = args[1]
			if units != "" {
				wh, ok := exactly(units, int64(unit.KilowattHour))
				if !ok {
					return usage("--units "+units+" is no number of kilowatt-hours.", "Write it as 25 or 12.3.")
				}
				n.UnitsWh = wh
			}
			if next != (apiv1.NextKey{}) {
				n.Key = &next
			}
			out, err := api.GiveTokens(cmd.Context(), args[0], n, key)
			if err != nil {
				return err
			}
			rows := []string{"kind", out.Kind, "meter", out.Meter, "units", unit.Energy(out.UnitsWh).KWh(1) + " kWh", "approved by", out.ApprovedBy}
			for _, t := range out.Tokens {
				rows = append(rows, "token", grouped(t.Digits))
			}
			return c.show(cmd, out, fields(rows...))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&units, "units", "", "kilowatt-hours of replacement and free")
	f.Int64Var(&n.PowerW, "power", 0, "watts of power_limit")
	f.StringVar(&n.ReasonCode, "reason-code", "other", "meter_swap, lost_balance, not_loading, compensation, free_units, tamper_fixed, key_campaign, test or other")
	f.StringVar(&n.Reason, "reason", "", "why; kept in the audit log")
	f.StringVar(&key, "key", "", "idempotency key; repeating it repeats the tokens")
	f.StringVar(&next.SGC, "sgc", "", "of key_change: new supply group")
	f.IntVar(&next.KRN, "krn", 0, "of key_change: new key revision")
	f.StringVar(&next.TI, "ti", "", "of key_change: new tariff index")
	return cmd
}
