package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterSwap(c console) *cobra.Command {
	var n apiv1.NewSwap
	var balance, register, key string
	var plan bool
	cmd := &cobra.Command{
		Use: "swap METER NEW", Short: "Replace a meter", Args: cobra.ExactArgs(2),
		Long: "Replace a meter by one from the stock, which gets its place, its customer and its account. A new token meter gets a token for\n" +
			"what was left in the old one. A wallet's money stays on the account.",
		Example: "  paywatt meter swap 04140001001 04140001027 --balance 12.3 --reason \"display dark\" --plan\n" +
			"  paywatt meter swap 04140001019 04140001035 --register 1021.4 --reason \"meter burnt\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n.NewMeter = args[1]
			for _, f := range []struct {
				flag, text string
				to         **int64
			}{{"--balance", balance, &n.BalanceWh}, {"--register", register, &n.RegisterWh}} {
				if f.text == "" {
					continue
				}
				wh, ok := exactly(f.text, int64(unit.KilowattHour))
				if !ok {
					return usage(f.flag+" "+f.text+" is not a number of kilowatt-hours.", "Write it as 25 or 12.3.")
				}
				*f.to = &wh
			}
			if plan {
				out, err := api.PlanSwap(cmd.Context(), args[0], n)
				return answer(c, cmd, out, err, swapTable)
			}
			out, err := api.SwapMeter(cmd.Context(), args[0], n, key)
			return answer(c, cmd, out, err, swapTable)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&balance, "balance", "", "kilowatt-hours left, read off the old meter's display; without it, the balance that the meter reported last")
	f.StringSliceVar(&n.Unused, "unused-token", nil, "id of a token of the old meter that was never entered; repeat it for more")
	f.StringVar(&register, "register", "", "register in kilowatt-hours, read off the old wallet meter; without it, the register that was charged last")
	f.StringVar(&n.Reason, "reason", "", "why, in a few words (needed); written to the audit log")
	f.BoolVar(&plan, "plan", false, "only say what would happen")
	f.StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the swap")
	return cmd
}

func swapTable(s apiv1.Swap) table {
	kwh := func(wh int64) string { return unit.Energy(wh).KWh(3) + " kWh" }
	rows := []string{"old meter", s.OldMeter, "new meter", s.NewMeter, "reason", s.Reason, "approved by", s.ApprovedBy}
	if s.Source != "" {
		rows = append(rows, "left in the old meter", kwh(s.BalanceWh), "unused tokens", kwh(s.UnusedWh), "given to the new meter", kwh(s.UnitsWh))
	}
	if s.RegisterAt != nil {
		rows = append(rows, "closing register", kwh(s.RegisterWh), "charged with it", kwh(s.ChargedWh))
	}
	if s.StillAllowed != 0 {
		rows = append(rows, "old meter may still supply", kwh(s.StillAllowed))
	}
	if s.Tokens != nil {
		for _, t := range s.Tokens.Tokens {
			rows = append(rows, "token", grouped(t.Digits))
		}
	}
	return fields(rows...)
}
