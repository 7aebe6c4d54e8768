package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

func newUtilityCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "utility", Short: "Show and change the settings of the utility"}
	cmd.AddCommand(&cobra.Command{
		Use: "show", Short: "Show the settings of the utility", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			s, err := api.Settings(cmd.Context())
			return answer(c, cmd, s, err, utilityTable)
		}),
	}, newUtilitySet(c), newUtilityRelease(c))
	return cmd
}

func newUtilityRelease(c console) *cobra.Command {
	data := ""
	cmd := &cobra.Command{
		Use: "release-four-eyes", Short: "Release the rule of four eyes, at the server", Args: cobra.NoArgs,
		Long: "Release a utility from the setting four_eyes, so that sensitive actions need a second person only if two people could approve them at some time.\n" +
			"Use it if one person alone set it and nobody can approve the change back. The daily report lists it.",
		Example: "  paywatt utility release-four-eyes --data ./paywatt-data",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.inFolder(cmd, data, func(f *app.Folder) error {
				rule, err := f.Access.ReleaseFourEyes(cmd.Context(), app.Clerk())
				if err != nil {
					return err
				}
				return c.show(cmd, map[string]any{"four_eyes": "default", "bound": rule.Bound}, fields("four eyes", "default", "still need a second person", boundText(rule.Bound)))
			})
		},
	}
	c.placeFlags(cmd, &data)
	return cmd
}

// boundText lists the rights whose actions go on needing a second person.
func boundText(bound []access.Right) string {
	names := []string{}
	for _, right := range bound {
		names = append(names, string(right))
	}
	return cmp.Or(strings.Join(names, " "), "none")
}

// utilityOptions are the options of utility set.
type utilityOptions struct {
	name, currency, zone, vatNo, eyes, ceiling, commission, address, contact, message string
	chargesOnly, daily, advances, eyesAlone                                           bool
	window, idle, life                                                                time.Duration
	reversals                                                                         int64
	freeUnits                                                                         string
	warn1, warn2, cutoff, reversalValue                                               string
	quietFrom, quietTo, emergencyFrom, emergencyTo                                    string
	ceilings                                                                          map[string]int64
	usual                                                                             []string
	meters, metersClear                                                               []string
}

func newUtilitySet(c console) *cobra.Command {
	var o utilityOptions
	cmd := &cobra.Command{
		Use: "set", Short: "Change settings of the utility", Args: cobra.NoArgs,
		Example: "  paywatt utility set --tz Africa/Nairobi --max-deduction 50\n  paywatt utility set --four-eyes on\n" +
			"  paywatt utility set --reversal-window 30m --free-units-per-day 200",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			change, err := o.change(cmd)
			if err == nil {
				err = o.amounts(cmd, api, &change)
			}
			if err != nil {
				return err
			}
			s, err := api.ChangeSettings(cmd.Context(), change)
			return answer(c, cmd, s, err, utilityTable)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "name on receipts")
	f.StringVar(&o.currency, "currency", "", "currency of all amounts, such as KES; it can be set only once")
	f.StringVar(&o.zone, "tz", "", "time zone of days and months, such as Africa/Nairobi")
	f.StringVar(&o.vatNo, "vat-no", "", "tax number on receipts")
	choiceFlag(f, &o.eyes, "four-eyes", "require a second person for sensitive actions: on, off or default", enum[apiv1.Settings]("FourEyes"))
	f.BoolVar(&o.eyesAlone, "four-eyes-alone", false, "with --four-eyes on: switch it on although nobody could approve the change back")
	f.StringVar(&o.ceiling, "max-deduction", "", "share of a payment that charges and debts may take together, in percent; 0 for 70")
	f.StringVar(&o.commission, "max-commission", "10", "highest commission of a vendor, in percent of a sale")
	f.BoolVar(&o.chargesOnly, "charges-only", false, "accept payments that cover charges but buy no unit")
	f.BoolVar(&o.daily, "daily-charges", false, "make monthly fixed charges due in daily parts")
	f.StringVar(&o.address, "address", "", "address on receipts")
	f.StringVar(&o.contact, "contact", "", "contact on receipts")
	f.StringVar(&o.message, "message", "", "message to all customers at the foot of receipts")
	f.DurationVar(&o.window, "reversal-window", 15*time.Minute, "time in which the seller may reverse a sale without a reason")
	f.Int64Var(&o.reversals, "reversals-per-day", 50, "highest number of reversals within that time in a day, by one person and of one vendor's sales")
	f.StringVar(&o.reversalValue, "reversal-value-per-day", "", "highest total of reversals within that time in a day: an amount, none for no limit, or default")
	f.StringVar(&o.freeUnits, "free-units-per-day", "1000", "kilowatt-hours that one person may give or replace in a day")
	f.StringVar(&o.warn1, "wallet-warn", "", "wallet balance at which customers are warned; 0 for the price of 20 kWh, or a fifth of a plan")
	f.StringVar(&o.warn2, "wallet-warn-urgent", "", "wallet balance of the urgent warning; 0 for the price of 5 kWh, or a twentieth of a plan")
	f.StringVar(&o.cutoff, "wallet-cutoff", "", "wallet balance at which the supply is cut; below 0 it is a credit limit")
	f.StringVar(&o.emergencyFrom, "emergency-from", "", "local time from which one person may restore a supply in an emergency, such as 18:00")
	f.StringVar(&o.emergencyTo, "emergency-to", "", "local time until which one person may, such as 08:00; same as --emergency-from: nobody may")
	f.StringVar(&o.quietFrom, "quiet-from", "", "local time from which customers get no warnings, such as 21:00")
	f.StringVar(&o.quietTo, "quiet-to", "", "local time until which customers get no warnings, such as 07:00; same as --quiet-from for no quiet hours")
	f.StringToInt64Var(&o.ceilings, "ceiling", nil, "what may be taken in a day without a second person, such as person/sales=500000: minor units, Wh or a number; -1 for the default")
	f.StringArrayVar(&o.meters, "meter-config", nil, "KEY=VALUE for the configuration of all meters that keep their credit themselves, as paywatt meter config --set takes it")
	f.StringArrayVar(&o.metersClear, "clear-meter-config", nil, "KEY of such a value that is no longer set")
	f.StringSliceVar(&o.usual, "usual-tariffs", nil, "tariffs that one person may choose for a new meter, separated by commas; an empty text for none")
	f.DurationVar(&o.idle, "session-idle", access.SessionIdle, "how long a person's session lasts without a request, 5m to 2h")
	f.DurationVar(&o.life, "session-length", access.SessionLife, "how long a person's session lasts at most, 1h to 24h")
	f.BoolVar(&o.advances, "wallet-vat-on-advances", false, "make tax on a recharge due when it is paid, not when it is used")
	return cmd
}

// change builds the change from the given flags.
func (o *utilityOptions) change(cmd *cobra.Command) (apiv1.SettingsChange, error) {
	s := apiv1.SettingsChange{Name: given(cmd, "name", &o.name), Currency: given(cmd, "currency", &o.currency), TZ: given(cmd, "tz", &o.zone),
		VATNo: given(cmd, "vat-no", &o.vatNo), FourEyes: given(cmd, "four-eyes", &o.eyes), Address: given(cmd, "address", &o.address),
		Contact: given(cmd, "contact", &o.contact), Message: given(cmd, "message", &o.message), QuietFrom: given(cmd, "quiet-from", &o.quietFrom),
		EmergencyFrom: given(cmd, "emergency-from", &o.emergencyFrom), EmergencyTo: given(cmd, "emergency-to", &o.emergencyTo),
		QuietTo: given(cmd, "quiet-to", &o.quietTo), ChargesOnly: given(cmd, "charges-only", &o.chargesOnly),
		DailyCharges: given(cmd, "daily-charges", &o.daily), WalletVAT: given(cmd, "wallet-vat-on-advances", &o.advances),
		ReversalsPerDay: given(cmd, "reversals-per-day", &o.reversals), UsualTariffs: given(cmd, "usual-tariffs", &o.usual), MeterClear: o.metersClear}
	var err error
	if s.MeterConfig, err = meterValues(o.meters); err != nil {
		return s, err
	}
	changed := cmd.Flags().Changed
	if changed("max-deduction") {
		bps, err := percent("--max-deduction", o.ceiling)
		if err != nil {
			return s, err
		}
		s.MaxDeductionBps = &bps
	}
	if changed("max-commission") {
		bps, err := percent("--max-commission", o.commission)
		if err != nil {
			return s, err
		}
		s.MaxCommission = &bps
	}
	s.Ceilings, s.FourEyesAlone = o.ceilings, o.eyesAlone
	if changed("reversal-window") {
		s.ReversalWindowS = new(int64(o.window / time.Second))
	}
	if changed("session-idle") {
		s.SessionIdleS = new(int64(o.idle / time.Second))
	}
	if changed("session-length") {
		s.SessionLifeS = new(int64(o.life / time.Second))
	}
	if changed("free-units-per-day") {
		wh, ok := exactly(o.freeUnits, int64(unit.KilowattHour))
		if !ok {
			return s, usage("--free-units-per-day "+o.freeUnits+" is not a number of kilowatt-hours.", "Write it as 500 or 12.5.")
		}
		s.FreeUnitsPerDay = &wh
	}
	return s, nil
}

// amounts reads the amounts in the utility's currency: the daily limit of reversals, and the levels of wallets.
func (o *utilityOptions) amounts(cmd *cobra.Command, api *client.Client, s *apiv1.SettingsChange) error {
	for _, a := range []struct {
		flag, text string
		to         **int64
	}{{"wallet-warn", o.warn1, &s.WalletWarn1}, {"wallet-warn-urgent", o.warn2, &s.WalletWarn2}, {"wallet-cutoff", o.cutoff, &s.WalletCutOff},
		{"reversal-value-per-day", o.reversalValue, &s.ReversalValue}} {
		if !cmd.Flags().Changed(a.flag) {
			continue
		}
		if word, ok := map[string]int64{"none": -1, "default": 0}[a.text]; ok && a.to == &s.ReversalValue {
			*a.to = &word
			continue
		}
		now, err := api.Settings(cmd.Context())
		if err != nil {
			return err
		}
		cur, ok := money.CurrencyOf(now.Currency)
		if !ok {
			return usage("The utility has no currency yet.", "Set it first: paywatt utility set --currency KES.")
		}
		text, below := strings.CutPrefix(a.text, "-")
		minor, err := money.Parse(text, cur)
		if err != nil {
			return usage(fmt.Sprintf("--%s %q is not an amount.", a.flag, a.text), "Write it as 50.00.")
		}
		amount := int64(minor)
		if below {
			amount = -amount
		}
		*a.to = &amount
	}
	return nil
}

func utilityTable(s apiv1.Settings) table {
	ceiling := cmp.Or(s.MaxDeductionBps, 7000)
	rows := []string{"name", s.Name, "currency", s.Currency, "tz", s.TZ, "vat no", s.VATNo, "four eyes", s.FourEyes,
		"second person", strconv.FormatBool(s.FourEyesBind), "max deduction", hundredths(ceiling) + " %", "max commission", hundredths(s.MaxCommission) + " %", "charges only", strconv.FormatBool(s.ChargesOnly),
		"daily charges", strconv.FormatBool(s.DailyCharges), "address", s.Address, "contact", s.Contact, "message", s.Message, "no warnings", s.QuietFrom + " to " + s.QuietTo, "emergency supply", s.EmergencyFrom + " to " + s.EmergencyTo,
		"reversal window", (time.Duration(s.ReversalWindowS) * time.Second).String(), "reversals per day", strconv.FormatInt(s.ReversalsPerDay, 10), "reversal value per day", reversalValue(s),
		"free units per day", unit.Energy(s.FreeUnitsPerDay).KWh(1) + " kWh", "wallet warning", walletLevel(s.WalletWarn1, s.Currency, "what 20 kWh cost, or a fifth of a plan"),
		"urgent warning", walletLevel(s.WalletWarn2, s.Currency, "what 5 kWh cost, or a twentieth of a plan"), "wallet cut-off", minorText(s.WalletCutOff, s.Currency),
		"tax on recharges", map[bool]string{false: "when it is used", true: "when it is paid"}[s.WalletVAT],
		"sessions end", fmt.Sprintf("after %s without a request, after %s at most", time.Duration(s.SessionIdleS)*time.Second, time.Duration(s.SessionLifeS)*time.Second),
		"usual tariffs", cmp.Or(strings.Join(s.UsualTariffs, ", "), "none listed"), "configuration of meters", meterValuesText(s.MeterConfig)}
	for _, name := range slices.Sorted(maps.Keys(s.Ceilings)) {
		rows = append(rows, "ceiling "+name, strconv.FormatInt(s.Ceilings[name], 10))
	}
	return fields(rows...)
}

// reversalValue returns the text of the highest total of a day's reversals.
func reversalValue(s apiv1.Settings) string {
	if s.ReversalValue < 0 {
		return "no limit"
	}
	return minorText(s.ReversalValue, s.Currency)
}

// walletLevel shows a warning level of wallets, or the text of the default if none is set.
func walletLevel(minor int64, currency, otherwise string) string {
	if minor == 0 {
		return otherwise
	}
	return minorText(minor, currency)
}
