package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterUsage(c console) *cobra.Command {
	var f client.UseFilter
	cmd := &cobra.Command{
		Use: "usage METER", Short: "List what a wallet meter used, newest first", Args: cobra.ExactArgs(1),
		Example: "  paywatt meter usage 04140001001 --by week --from 2026-11-01",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			l, err := api.Usage(cmd.Context(), args[0], f)
			if err != nil {
				return err
			}
			t := table{head: []string{"from", "kWh", "of it estimated", "charged"}}
			for _, u := range l.Data {
				estimated := ""
				if u.EstimatedWh != 0 {
					estimated = unit.Energy(u.EstimatedWh).KWh(3)
				}
				t.add(u.From, unit.Energy(u.UnitsWh).KWh(3), estimated, minorText(u.AmountMinor, u.Currency))
			}
			return c.show(cmd, l.Data, t)
		}),
	}
	cmd.Flags().StringVar(&f.By, "by", "day", "what to add up over: day, week or month")
	cmd.Flags().StringVar(&f.From, "from", "", "first local day, 2026-11-01")
	cmd.Flags().StringVar(&f.To, "to", "", "last local day")
	cmd.Flags().IntVar(&f.Limit, "limit", 31, "how many, 1 to 200")
	return cmd
}

func newAccountWallet(c console) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "wallet ACCOUNT", Short: "Show what changed an account's wallet, from opening to closing balance", Args: cobra.ExactArgs(1),
		Example: "  paywatt account wallet 04140001001 --from 2026-11-01 --to 2026-11-30 -o csv",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			all, err := every(func(p client.Page) (client.List[client.WalletLine], error) {
				return api.WalletStatement(cmd.Context(), args[0], from, to, p)
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"day", "what", "kWh", "amount", "balance", "for"}}
			for _, w := range all {
				units, amount := "", ""
				if w.UnitsWh != 0 {
					units = unit.Energy(w.UnitsWh).KWh(3)
				}
				if w.Journals > 0 {
					amount = minorText(w.AmountMinor, w.Currency)
				}
				t.add(w.Day, w.Kind, units, amount, minorText(w.BalanceMinor, w.Currency), w.Ref)
			}
			return c.show(cmd, all, t)
		}),
	}
	cmd.Flags().StringVar(&from, "from", "", "first local day (default the first of the month)")
	cmd.Flags().StringVar(&to, "to", "", "last local day (default today)")
	return cmd
}

func newReportRegisters(c console) *cobra.Command {
	return &cobra.Command{
		Use: "registers", Short: "List wallet meters whose register is not all charged for, and why", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			all, err := every(func(p client.Page) (client.List[client.Register], error) { return api.Registers(cmd.Context(), p) })
			if err != nil {
				return err
			}
			t := table{head: []string{"meter", "register kWh", "charged to kWh", "difference kWh", "why", "since"}}
			for _, r := range all {
				t.add(r.Meter, unit.Energy(r.RegisterWh).KWh(3), unit.Energy(r.RatedToWh).KWh(3), unit.Energy(r.DifferenceWh).KWh(3), r.Held, timeText(r.HeldSince))
			}
			return c.show(cmd, all, t)
		}),
	}
}

// liveText is the estimate of a wallet with its moment: never to be taken for what the books have.
func liveText(l *client.Live) string {
	if l == nil {
		return ""
	}
	text := minorText(l.AmountMinor, l.Currency)
	if l.AsOf != nil {
		text += " as of " + timeText(l.AsOf)
	}
	if l.Held != "" {
		text += " (charging waits for a person: " + l.Held + ")"
	}
	return text
}

// walletLevel is an amount at which something happens to wallets, or what it is where none was set.
func walletLevel(minor int64, currency, otherwise string) string {
	if minor == 0 {
		return otherwise
	}
	return minorText(minor, currency)
}
