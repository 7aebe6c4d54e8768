package main

import (
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterToken(c console) *cobra.Command {
	var n apiv1.NewTokens
	var next nextKeyOptions
	var units, key string
	cmd := &cobra.Command{
		Use: "give-token METER KIND", Short: "Make a free or service token",
		Long: "Make a token that is not sold: " + alternativesText(enum[apiv1.NewTokens]("Kind")) + ".",
		Example: "  paywatt meter give-token 04140001001 replacement --units 25 --reason-code meter_swap\n" +
			"  paywatt meter give-token 04140001001 key_change --krn 2 --reason-code key_campaign",
		Args: cobra.ExactArgs(2),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n.Kind = args[1]
			if err := oneOf("KIND", n.Kind, enum[apiv1.NewTokens]("Kind")); err != nil {
				return err
			}
			if units != "" {
				wh, ok := exactly(units, int64(unit.KilowattHour))
				if !ok {
					return usage("--units "+units+" is not a number of kilowatt-hours.", "Write it as 25 or 12.3.")
				}
				n.UnitsWh = wh
			}
			if k := next.readFacts(cmd); k != (apiv1.NextKey{}) {
				n.Key = &k
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
	f.StringVar(&units, "units", "", "kilowatt-hours of a replacement or free token")
	f.Int64Var(&n.PowerW, "power", 0, "power limit in watts, of power_limit")
	n.ReasonCode = "other"
	choiceFlag(f, &n.ReasonCode, "reason-code", "reason: "+alternativesText(enum[apiv1.NewTokens]("ReasonCode")), enum[apiv1.NewTokens]("ReasonCode"))
	f.StringVar(&n.Reason, "reason", "", "why, in a few words; written to the audit log")
	f.StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the tokens")
	next.addFlags(f, " of key_change")
	return cmd
}

// nextKeyOptions are the options for the facts of a meter's next key. What is not given stays as it is.
type nextKeyOptions struct {
	key     apiv1.NextKey
	kt, ken int
}

func (o *nextKeyOptions) addFlags(f *pflag.FlagSet, of string) {
	f.StringVar(&o.key.SGC, "sgc", "", "new supply group code"+of+", 6 digits")
	f.IntVar(&o.key.KRN, "krn", 0, "new key revision number"+of+", 1 to 9")
	f.StringVar(&o.key.TI, "ti", "", "new tariff index"+of+", 2 digits")
	f.IntVar(&o.key.BaseDate, "base-date", 0, "new base date"+of+": 1993, 2014 or 2035")
	f.IntVar(&o.kt, "kt", 0, "new key type"+of+": 1 default, 2 unique, 3 common")
	f.IntVar(&o.ken, "ken", 0, "new key expiry number"+of+", 255 for never")
	f.StringVar(&o.key.DKGA, "dkga", "", "new key derivation"+of+", 02 or 04")
}

// readFacts returns the facts that the user gave.
func (o *nextKeyOptions) readFacts(cmd *cobra.Command) apiv1.NextKey {
	o.key.KT, o.key.KEN = given(cmd, "kt", &o.kt), given(cmd, "ken", &o.ken)
	return o.key
}

func newMeterPlanKey(c console) *cobra.Command {
	var n apiv1.NewKeyChange
	var next nextKeyOptions
	cmd := &cobra.Command{
		Use: "plan-key METER", Short: "Plan a key change", Args: cobra.ExactArgs(1),
		Long: "Plan a key change. From now on no token is sold to the meter until the tokens of the change are made with\n" +
			"\"paywatt meter give-token METER key_change\". What is not given stays as it is. A change that the server cannot make\n" +
			"is refused: it needs the vending key of the new revision.",
		Example: "  paywatt meter plan-key 04140001001 --krn 2 --base-date 2014 --reason \"campaign of May\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n.NextKey = next.readFacts(cmd)
			k, err := api.PlanKeyChange(cmd.Context(), args[0], n)
			return answer(c, cmd, k, err, keyChangeTable)
		}),
	}
	f := cmd.Flags()
	next.addFlags(f, "")
	f.StringVar(&n.Reason, "reason", "", "why, in a few words; written to the audit log")
	return cmd
}

func newMeterConfirmKey(c console) *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use: "confirm-key METER", Short: "Confirm that a meter holds its next key", Args: cobra.ExactArgs(1),
		Long: "Confirm that a meter holds its next key, after somebody has seen that it accepted every token of the key change. A meter\n" +
			"with a connection of its own confirms by itself.",
		Example: "  paywatt meter confirm-key 04140001001 --reason \"display said good after the second token\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			k, err := api.ConfirmKeyChange(cmd.Context(), args[0], reason)
			return answer(c, cmd, k, err, keyChangeTable)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "what was seen at the meter (needed); written to the audit log")
	return cmd
}

func newMeterCancelKey(c console) *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use: "cancel-key METER", Short: "Undo a planned key change", Args: cobra.ExactArgs(1),
		Long:    "Undo a planned key change whose tokens are not made yet. Tokens are sold to the meter again under its present key.",
		Example: "  paywatt meter cancel-key 04140001001 --reason \"planned for the wrong meter\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			k, err := api.CancelKeyChange(cmd.Context(), args[0], reason)
			return answer(c, cmd, k, err, keyChangeTable)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it is taken back (needed); written to the audit log")
	return cmd
}

func keyChangeTable(k apiv1.KeyChange) table {
	return fields("meter", k.Meter, "key", k.State, "sgc", k.SGC, "krn", strconv.Itoa(k.KRN), "kt", strconv.Itoa(k.KT), "ti", k.TI,
		"ken", strconv.Itoa(k.KEN), "dkga", k.DKGA, "base date", strconv.Itoa(k.BaseDate))
}
