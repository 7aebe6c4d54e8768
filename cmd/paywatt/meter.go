package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "meter", Short: "Register, look at and command meters"}
	cmd.AddCommand(newMeterAdd(c), newMeterList(c), newMeterShow(c), newMeterSet(c), newMeterMoveIn(c), newMeterReadings(c), newMeterUsage(c), newMeterEvents(c), newMeterAlarms(c), newMeterRebase(c), newMeterSIM(c), newMeterTokens(c), newMeterToken(c), newMeterSend(c), newMeterCut(c), newMeterRestore(c), newMeterSupply(c), newMeterCalibrate(c),
		newMeterWatch(c), newMeterSummary(c), newMeterToggle(c), newMeterRecharge(c))
	return cmd
}

// meterOptions are the options of meter add.
type meterOptions struct {
	client.NewMeter
	krn, kt, ken int
	name, phone  string
	stock        bool
}

func newMeterAdd(c console) *cobra.Command {
	var o meterOptions
	cmd := &cobra.Command{
		Use:     "add NUMBER",
		Short:   "Register a meter; prints its secrets, this once",
		Example: "  paywatt meter add 04140001001 --tariff domestic --sgc 123456 --krn 1 --kt 2 --ti 01 --simulated",
		Args:    cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			m, err := api.AddMeter(cmd.Context(), o.meter(cmd, args[0]))
			if err != nil {
				return err
			}
			c.tell("The secrets below are shown only once. Store them where only the meter's installer can find them.")
			t := meterTable(m.Meter)
			t.rows = append(t.rows, fields("mqtt password", m.MQTTPassword, "link key", m.LinkKey, "decoder key", m.DecoderKey).rows...)
			return c.show(cmd, m, t)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Tariff, "tariff", "", "name of the tariff (needed)")
	f.StringVar(&o.Mode, "mode", "prepay_token", "prepay_token, prepay_wallet or postpay")
	f.StringVar(&o.SGC, "sgc", "", "supply group code, 6 digits")
	f.IntVar(&o.krn, "krn", 1, "key revision number, 1 to 9")
	f.IntVar(&o.kt, "kt", 2, "key type, 1 to 3")
	f.StringVar(&o.TI, "ti", "", "tariff index as on the meter, 2 digits")
	f.IntVar(&o.ken, "ken", 255, "key expiry number")
	f.StringVar(&o.EA, "ea", "07", "encryption algorithm: 07 or 11")
	f.StringVar(&o.DKGA, "dkga", "02", "key derivation: 02 or 04")
	f.IntVar(&o.BaseDate, "base-date", 2014, "base date: 1993, 2014 or 2035")
	f.Int64Var(&o.ImpPerKWh, "imp", 1000, "impulses per kilowatt-hour")
	f.StringVar(&o.name, "name", "", "customer's name")
	f.StringVar(&o.phone, "phone", "", "customer's phone, with country code")
	f.StringVar(&o.Address, "address", "", "where it hangs")
	f.StringVar(&o.SIMPhone, "sim-phone", "", "number of the SIM in the meter's own modem, with the country code")
	f.StringVar(&o.Feeder, "feeder", "", "the line its place hangs on; meters of one that fall silent together are one alarm")
	f.BoolVar(&o.Simulated, "simulated", false, "a virtual meter: everything of it is marked TEST")
	f.BoolVar(&o.stock, "stock", false, "put it into the store room instead of into service")
	return cmd
}

// meter is the request. A meter without a supply group has no key, and then none of its facts is sent.
func (o meterOptions) meter(cmd *cobra.Command, number string) client.NewMeter {
	n := o.NewMeter
	n.Number = number
	if o.SGC != "" || cmd.Flags().Changed("krn") || cmd.Flags().Changed("kt") {
		n.KRN, n.KT, n.KEN = &o.krn, &o.kt, &o.ken
	} else if o.Mode != "prepay_token" {
		n.EA, n.DKGA, n.BaseDate = "", "", 0
	}
	if o.name != "" || o.phone != "" {
		n.Customer = &client.Customer{Name: o.name, Phone: o.phone}
	}
	if o.stock {
		n.Status = "stock"
	}
	return n
}

func newMeterList(c console) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the meters", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			all, err := every(func(p client.Page) (client.List[client.Meter], error) { return api.Meters(cmd.Context(), p) })
			if err != nil {
				return err
			}
			t := table{head: []string{"number", "state", "relay", "balance kWh", "as of", "tariff", "customer"}}
			for _, m := range all {
				t.add(m.Number, m.State, m.Relay, kwhOf(m.BalanceWh, 1), timeText(m.AsOf), m.Tariff, customerName(m.Customer))
			}
			return c.show(cmd, all, t)
		}),
	}
}

func newMeterShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show METER", Short: "Show a meter", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			m, err := api.Meter(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.show(cmd, m, meterTable(m))
		}),
	}
}

// relayText is the position of the relay; one that nothing keeps open closes by itself after a power cut.
func relayText(m client.Meter) string {
	if m.Relay == "open" && len(m.Reasons) == 0 && m.AsOf != nil {
		return "open, waiting to close"
	}
	return m.Relay
}

func meterTable(m client.Meter) table {
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
	test := ""
	if m.Simulated {
		test = "the meter is simulated"
	}
	return fields("number", m.Number, "id", m.ID, "TEST", test, "mode", m.Mode, "status", m.Status, "state", m.State, "relay", relayText(m),
		"reasons", strings.Join(m.Reasons, " "), "balance kWh", kwhOf(m.BalanceWh, 3), "said since", saidText(m.Said), "wallet in the books", balance, "wallet live", liveText(m.Live), "register kWh", kwhOf(m.RegisterWh, 3),
		"as of", timeText(m.AsOf), "last seen", timeText(m.LastSeen), "tariff", m.Tariff, "customer", customerName(m.Customer), "feeder", m.Feeder, "sim", m.SIMPhone, "most power W", most, "key", key)
}

// historyOptions are the options of the history lists.
type historyOptions struct {
	from, to string
	limit    int
}

func (o *historyOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.from, "from", "", "meter time from which on, RFC 3339")
	cmd.Flags().StringVar(&o.to, "to", "", "meter time up to which, RFC 3339")
	cmd.Flags().IntVar(&o.limit, "limit", 50, "how many, newest first, 1 to 200")
}

func (o historyOptions) span() (client.Span, error) {
	s := client.Span{Page: client.Page{Limit: o.limit}}
	for _, side := range []struct {
		name, text string
		to         *time.Time
	}{{"--from", o.from, &s.From}, {"--to", o.to, &s.To}} {
		if side.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, side.text)
		if err != nil {
			return s, usage(side.name+" "+side.text+" is no time.", "Write it as 2026-11-20T08:00:00Z.")
		}
		*side.to = t
	}
	return s, nil
}

func newMeterReadings(c console) *cobra.Command {
	var o historyOptions
	cmd := &cobra.Command{
		Use: "readings METER", Short: "List a meter's readings, newest first", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			span, err := o.span()
			if err != nil {
				return err
			}
			l, err := api.Readings(cmd.Context(), args[0], span)
			if err != nil {
				return err
			}
			t := table{head: []string{"seq", "at", "clock", "register kWh", "balance kWh", "W", "relay", "reasons"}}
			for _, r := range l.Data {
				t.add(r.Seq, r.At.Format(time.RFC3339), r.Clock, unit.Energy(r.RegisterWh).KWh(3), unit.Energy(r.BalanceWh).KWh(3), r.W, r.Relay,
					strings.Join(r.Reasons, " "))
			}
			return c.show(cmd, l.Data, t)
		}),
	}
	o.flags(cmd)
	return cmd
}

func newMeterEvents(c console) *cobra.Command {
	var o historyOptions
	cmd := &cobra.Command{
		Use: "events METER", Short: "List a meter's events, newest first", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			span, err := o.span()
			if err != nil {
				return err
			}
			l, err := api.Events(cmd.Context(), args[0], span)
			if err != nil {
				return err
			}
			t := table{head: []string{"seq", "at", "kind", "code", "args"}}
			for _, e := range l.Data {
				t.add(e.Seq, e.At.Format(time.RFC3339), e.Kind, e.Code, string(e.Args))
			}
			return c.show(cmd, l.Data, t)
		}),
	}
	o.flags(cmd)
	return cmd
}

func newMeterTokens(c console) *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use: "tokens METER", Short: "List the tokens of a meter, newest first", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			l, err := api.Tokens(cmd.Context(), args[0], client.Page{Limit: limit})
			if err != nil {
				return err
			}
			t := table{head: []string{"issued", "units kWh", "state", "result", "token", "sale", "id"}}
			for _, v := range l.Data {
				sale := v.Vend
				if v.Elsewhere {
					sale = "not made here"
				}
				t.add(v.IssuedAt.Format(time.RFC3339), unit.Energy(v.UnitsWh).KWh(1), v.State, v.Result, grouped(v.Digits), sale, v.ID)
			}
			return c.show(cmd, l.Data, t)
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many, 1 to 200")
	return cmd
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

// saidText is a balance that a meter told after its newest reading.
func saidText(s *client.SaidBalance) string {
	if s == nil {
		return ""
	}
	return unit.Energy(s.Wh).KWh(1) + " kWh as of " + s.At.Format(time.RFC3339) + " by " + s.Source
}

func kwhOf(wh *int64, decimals int) string {
	if wh == nil {
		return ""
	}
	return unit.Energy(*wh).KWh(decimals)
}

func customerName(c *client.Customer) string {
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
			return nil, usage("--arg "+text+" is no argument.", "Write NAME=VALUE, for example --arg force=true.")
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
