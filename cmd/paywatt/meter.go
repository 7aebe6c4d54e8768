package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "meter", Short: "Register, show and control meters"}
	cmd.AddCommand(newMeterTimeline(c))
	cmd.AddCommand(newMeterAdd(c), newMeterList(c), newMeterShow(c), newMeterSet(c), newMeterMoveIn(c), newMeterReadings(c), newMeterUsage(c),
		newMeterEvents(c), newMeterAlarms(c), newMeterRebase(c), newMeterSIM(c), newMeterConfirmSIM(c), newMeterLinkKey(c), newMeterPassword(c),
		newMeterTokens(c), newMeterToken(c), newMeterPlanKey(c), newMeterConfirmKey(c), newMeterCancelKey(c), newMeterSwap(c), newMeterRemove(c),
		newMeterScrap(c), newMeterChangeTariff(c), newMeterTariffs(c), newMeterSend(c), newMeterCut(c), newMeterRestore(c), newMeterSupply(c),
		newMeterConfig(c), newMeterCalibrate(c),
		newMeterWatch(c), newMeterSummary(c), newMeterToggle(c), newMeterRecharge(c))
	return cmd
}

// meterOptions are the options of meter add.
type meterOptions struct {
	apiv1.NewMeter
	krn, kt, ken, base, imp int64
	name, phone             string
	stock                   bool
}

func newMeterAdd(c console) *cobra.Command {
	var o meterOptions
	cmd := &cobra.Command{
		Use:     "add NUMBER",
		Short:   "Register a meter and print its secrets once",
		Example: "  paywatt meter add 04140001001 --tariff domestic --sgc 123456 --krn 1 --kt 2 --ti 01 --simulated",
		Args:    cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			m, err := api.AddMeter(cmd.Context(), o.meter(cmd, args[0]))
			if err != nil {
				return err
			}
			tellOwing(cmd, api, apiv1.MovedIn{Meter: m.Meter, TakenOverMinor: m.TakenOverMinor, OtherDebts: m.OtherDebts}, "took over")
			c.tell("The secrets below are shown only once. Store them where only the meter's installer can find them.")
			t := meterTable(m.Meter)
			t.rows = append(t.rows, fields("mqtt password", m.MQTTPassword, "link key", m.LinkKey, "decoder key", m.DecoderKey).rows...)
			return c.show(cmd, m, t)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Tariff, "tariff", "", "name of the tariff (needed)")
	o.Mode = "prepay_token"
	choiceFlag(f, &o.Mode, "mode", "payment mode: "+alternativesText(enum[apiv1.NewMeter]("Mode")), enum[apiv1.NewMeter]("Mode"))
	f.StringVar(&o.SGC, "sgc", "", "supply group code, 6 digits")
	f.Int64Var(&o.krn, "krn", 1, "key revision number, 1 to 9")
	f.Int64Var(&o.kt, "kt", 2, "key type, 1 to 3")
	f.StringVar(&o.TI, "ti", "", "tariff index on the meter, 2 digits")
	f.Int64Var(&o.ken, "ken", 255, "key expiry number, 255 for never")
	o.EA, o.DKGA = "07", "02"
	wordFlag(f, &o.EA, "ea", "encryption algorithm: 07 or 11", []string{"07", "11"})
	wordFlag(f, &o.DKGA, "dkga", "key derivation algorithm: 02 or 04", []string{"02", "04"})
	f.Int64Var(&o.base, "base-date", 2014, "base date: 1993, 2014 or 2035")
	f.Int64Var(&o.imp, "imp", 1000, "impulses per kilowatt-hour")
	f.StringVar(&o.name, "name", "", "name of the customer")
	f.StringVar(&o.phone, "phone", "", "telephone number of the customer, with country code")
	f.StringVar(&o.Address, "address", "", "address of the meter")
	f.StringVar(&o.SIMPhone, "sim-phone", "", "telephone number of the SIM in the meter, with country code")
	f.StringVar(&o.Feeder, "feeder", "", "feeder that supplies the meter; silent meters of one feeder raise one alarm")
	f.BoolVar(&o.Simulated, "simulated", false, "register a virtual meter, whose tokens and receipts are marked TEST")
	f.BoolVar(&o.stock, "stock", false, "register it in stock instead of in service")
	return cmd
}

// meter builds the request. A meter without a supply group has no key, so no key attributes are sent.
func (o meterOptions) meter(cmd *cobra.Command, number string) apiv1.NewMeter {
	n := o.NewMeter
	n.Number, n.BaseDate, n.ImpPerKWh = number, &o.base, &o.imp
	if o.SGC != "" || cmd.Flags().Changed("krn") || cmd.Flags().Changed("kt") {
		n.KRN, n.KT, n.KEN = &o.krn, &o.kt, &o.ken
	} else if o.Mode != "prepay_token" {
		n.EA, n.DKGA, n.BaseDate = "", "", nil
	}
	if o.name != "" || o.phone != "" {
		n.Customer = &apiv1.Customer{Name: o.name, Phone: o.phone}
	}
	if o.stock {
		n.Status = "stock"
	}
	return n
}

func newMeterList(c console) *cobra.Command {
	return list[apiv1.MeterListFilter, apiv1.Meter]{
		use: "list", example: "  paywatt meter list\n  paywatt meter list --state cut_off\n  paywatt meter list --find \"ngong road\" --low\n" +
			"  paywatt meter list --status removed",
		of: apiv1.Meters, page: (*client.Client).Meters,
		options: func(flags *pflag.FlagSet, f *apiv1.MeterListFilter) {
			choiceFlag(flags, &f.State, "state", "only meters in this state: "+alternativesText(enum[apiv1.MeterListFilter]("State")), enum[apiv1.MeterListFilter]("State"))
			flags.StringVar(&f.Find, "find", "", "only meters with this in the number, or in the customer's name, telephone number or address")
			flags.StringVar(&f.Tariff, "tariff", "", "only meters on this tariff")
			flags.StringVar(&f.Feeder, "feeder", "", "only meters on this feeder")
			flags.BoolVar(&f.Low, "low", false, "only meters with little credit left, whatever their state")
			statuses := enum[apiv1.MeterListFilter]("Status")
			choiceFlag(flags, &f.Status, "status", "only meters of this status: "+alternativesText(statuses), statuses)
			flags.BoolFunc("all", "also list removed and scrapped meters, like --status all", func(string) error { f.Status = "all"; return nil })
		},
		table: columns("number, state, relay, left, as of, tariff, customer", func(m apiv1.Meter) []any {
			left, asOf := leftOf(m)
			return []any{m.Number, listedState(m), m.Relay, left, timeText(asOf), m.Tariff, customerName(m.Customer)}
		}),
	}.command(c)
}

// listedState is the state of a meter in a list. A meter that was removed or scrapped has no state but that.
func listedState(m apiv1.Meter) string {
	if m.Status == "removed" || m.Status == "scrapped" {
		return m.Status
	}
	return m.State
}

func newMeterShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show METER", Short: "Show a meter", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			m, err := api.Meter(cmd.Context(), args[0])
			return answer(c, cmd, m, err, meterTable)
		}),
	}
}

// relayText is the position of the relay. A relay that is open without a reason closes by itself after a power cut.
func relayText(m apiv1.Meter) string {
	if m.Relay == "open" && len(m.Reasons) == 0 && m.AsOf != nil {
		return "open, waiting to close"
	}
	return m.Relay
}

func meterTable(m apiv1.Meter) table {
	key := ""
	if m.SGC != "" {
		key = fmt.Sprintf("SGC %s KRN %d KT %d TI %s EA%s DKGA%s base %d", m.SGC, m.KRN, m.KT, m.TI, m.EA, m.DKGA, m.BaseDate)
	}
	balance := ""
	if m.Balance != nil {
		balance = amountText(*m.Balance)
	}
	most := ""
	if m.MaxW != 0 {
		most = strconv.FormatInt(m.MaxW, 10)
	}
	unread := ""
	if m.UnreadCutHours != 0 {
		unread = strconv.FormatInt(m.UnreadCutHours, 10)
	}
	test := ""
	if m.Simulated {
		test = "the meter is simulated"
	}
	return fields("number", m.Number, "id", m.ID, "TEST", test, "mode", m.Mode, "status", m.Status, "state", m.State, "relay", relayText(m),
		"reasons", strings.Join(m.Reasons, " "), "balance kWh", kwhOf(m.BalanceWh, 3), "reported since", saidText(m.Said), "wallet in the books", balance, "wallet live", liveText(m.Live), "register kWh", kwhOf(m.RegisterWh, 3),
		"as of", timeText(m.AsOf), "last seen", timeText(m.LastSeen), "tariff", m.Tariff, "customer", customerName(m.Customer), "feeder", m.Feeder, "measures", m.Measures, "sim", m.SIMPhone, "most power W", most, "cut off if never readable h", unread, "key", key, "model", m.Model, "phases", strconv.Itoa(m.Phases), "power W", numberOf(m.W), "voltage mV", numberOf(m.MV),
		"two link keys since", timeText(m.TwoKeys), "new password waits since", timeText(m.NextPasswordSince), "can sign in until", timeText(m.LoginEndsAt), "emergency credit used kWh", kwhOf(m.ECUsedWh, 3), "overrun kWh", kwhOf(m.OverrunWh, 3), "registered", timeText(&m.CreatedAt))
}

func numberOf(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// meterOf and historyOf set the meter of a list from the command line.
func meterOf(f *apiv1.MeterFilter, meter string)     { f.Meter = meter }
func historyOf(f *apiv1.HistoryFilter, meter string) { f.Meter = meter }

func historyOptions(flags *pflag.FlagSet, f *apiv1.HistoryFilter) {
	timeOption(flags, &f.From, "from", "first meter time, such as 2026-11-01T00:00:00Z")
	timeOption(flags, &f.To, "to", "last meter time, such as 2026-11-30T00:00:00Z")
}

func newMeterReadings(c console) *cobra.Command {
	return list[apiv1.HistoryFilter, apiv1.Reading]{
		use: "readings METER", of: apiv1.Readings, page: (*client.Client).Readings, arg: historyOf, options: historyOptions, limit: 50,
		table: columns("seq, at, clock, register kWh, balance kWh, W, relay, reasons", func(r apiv1.Reading) []any {
			return []any{r.Seq, timeText(&r.At), r.Clock, unit.Energy(r.RegisterWh).KWh(3), unit.Energy(r.BalanceWh).KWh(3), r.W, r.Relay,
				strings.Join(r.Reasons, " ")}
		}),
	}.command(c)
}

func newMeterEvents(c console) *cobra.Command {
	return list[apiv1.HistoryFilter, apiv1.Event]{
		use: "events METER", of: apiv1.Events, page: (*client.Client).Events, arg: historyOf, options: historyOptions, limit: 50,
		table: columns("seq, at, kind, code, args", func(e apiv1.Event) []any {
			args := ""
			if text, err := json.Marshal(e.Args); err == nil && len(e.Args) > 0 {
				args = string(text)
			}
			return []any{e.Seq, timeText(&e.At), e.Kind, e.Code, args}
		}),
	}.command(c)
}

func newMeterTokens(c console) *cobra.Command {
	return list[apiv1.MeterFilter, apiv1.MeterToken]{
		use: "tokens METER", of: apiv1.MeterTokens, page: (*client.Client).Tokens, arg: meterOf, limit: 50,
		table: columns("issued, units kWh, state, result, token, sale, id", func(v apiv1.MeterToken) []any {
			sale := v.Vend
			if v.Elsewhere {
				sale = "not made here"
			}
			return []any{timeText(&v.IssuedAt), unit.Energy(v.UnitsWh).KWh(1), v.State, v.Result, grouped(v.Digits), sale, v.ID}
		}),
	}.command(c)
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

// leftOf is what is left to use, with its time: of a wallet the live estimate, else the meter's newest balance.
func leftOf(m apiv1.Meter) (text string, asOf *time.Time) {
	switch {
	case m.Live != nil:
		return amountText(apiv1.Amount{AmountMinor: m.Live.AmountMinor, Currency: m.Live.Currency}), m.Live.AsOf
	case m.Said != nil:
		return kwhOf(&m.Said.Wh, 1) + " kWh", &m.Said.At
	case m.BalanceWh != nil && m.Mode == "prepay_token":
		return kwhOf(m.BalanceWh, 1) + " kWh", m.AsOf
	}
	return "", nil
}

// saidText shows a balance that a meter reported after its newest reading.
func saidText(s *apiv1.ReportedBalance) string {
	if s == nil {
		return ""
	}
	return unit.Energy(s.Wh).KWh(1) + " kWh as of " + s.At.Format(time.RFC3339) + " by " + s.Source
}

// someKWh shows energy in kWh, empty for 0.
func someKWh(wh int64, decimals int) string {
	if wh == 0 {
		return ""
	}
	return unit.Energy(wh).KWh(decimals)
}

func kwhOf(wh *int64, decimals int) string {
	if wh == nil {
		return ""
	}
	return unit.Energy(*wh).KWh(decimals)
}

func customerName(c *apiv1.Customer) string {
	if c == nil {
		return ""
	}
	return c.Name
}

// commandArgs reads NAME=VALUE: whole numbers and true/false as such, anything else as text.
func commandArgs(texts []string) (map[string]any, error) {
	args := map[string]any{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usage(fmt.Sprintf("--arg %q is not of the form NAME=VALUE.", text), "Write it as --arg force=true.")
		}
		args[name] = value
		if b, err := strconv.ParseBool(value); err == nil && (value == "true" || value == "false") {
			args[name] = b
		} else if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			args[name] = n
		}
	}
	return args, nil
}
