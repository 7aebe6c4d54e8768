package main

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

func newTariffCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "tariff", Short: "Publish, withdraw, list, show and simulate tariffs"}
	cmd.AddCommand(newTariffAdd(c), newTariffPublish(c), newTariffWithdraw(c), newTariffList(c), newTariffShow(c), newTariffSimulate(c))
	return cmd
}

// tariffOptions are the options of tariff add.
type tariffOptions struct {
	file, currency, vat, rate, rounding, plan string
	blocks                                    []string
}

func newTariffAdd(c console) *cobra.Command {
	var o tariffOptions
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Publish a new tariff",
		Long:  "Publish a new tariff: one price for all units (--rate), blocks by the units of the month (--block), or a plan (--plan).",
		Example: "  paywatt tariff add domestic --currency KES --vat 15 --rate 2.50\n" +
			"  paywatt tariff add lifeline --currency KES --vat 15 --block 50=1.20 --block 2.75\n" +
			"  paywatt tariff add plan50 --currency KES --plan 0.5kWh=50.00\n" +
			"  paywatt tariff add monthly --currency KES --plan month=900.00",
		Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n, err := apiv1.NewTariff{Name: args[0]}, error(nil)
			if o.file != "" {
				n.Price, _, err = c.readDraft(o.file)
			} else {
				n, err = o.tariff(args[0])
			}
			if err != nil {
				return err
			}
			t, err := api.CreateTariff(cmd.Context(), n)
			return answer(c, cmd, t, err, func(t apiv1.Tariff) table { return tariffTable(t) })
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "file", "", "file with the whole tariff, instead of the other options: the JSON of POST /v1/tariffs without a name")
	f.StringVar(&o.currency, "currency", "", "currency of the prices, such as KES (needed)")
	f.StringVar(&o.vat, "vat", "0", "tax in percent, with at most two decimals")
	f.StringVar(&o.rate, "rate", "", "price of a kilowatt-hour without tax, such as 2.50")
	f.StringArrayVar(&o.blocks, "block", nil, "price of a block, KWH=PRICE, and PRICE alone for the last block; repeatable, instead of --rate")
	f.StringVar(&o.plan, "plan", "", "price without tax of an energy, 0.5kWh=50.00, or of a period, month=900.00 or day=30.00; instead of --rate")
	choiceFlag(f, &o.rounding, "rounding", "use of the money that buys no whole 0.1 kWh: "+alternativesText(enum[apiv1.Price]("Rounding"))+" (default: carry)", enum[apiv1.Price]("Rounding"))
	return cmd
}

// tariff builds the tariff from the options. People type prices and percentages as decimals, which become exact integers
// here.
func (o tariffOptions) tariff(name string) (apiv1.NewTariff, error) {
	n := apiv1.NewTariff{Name: name, Price: apiv1.Price{Currency: o.currency, Rounding: o.rounding}}
	if _, ok := money.CurrencyOf(o.currency); !ok {
		return n, usage(fmt.Sprintf("--currency %q is not a currency.", o.currency), "Use the three letters of ISO 4217, such as KES.")
	}
	vat, ok := exactly(o.vat, 100)
	if !ok {
		return n, usage(fmt.Sprintf("--vat %q is not a percentage.", o.vat), "Write it as 15 or 7.5.")
	}
	n.VATBps = vat
	if o.plan != "" && o.rate == "" && len(o.blocks) == 0 {
		return o.planned(n)
	}
	if o.plan != "" || (o.rate != "") == (len(o.blocks) > 0) {
		return n, usage("The tariff needs exactly one of --rate, --block and --plan.", "Give --rate 2.50 for one price, or --block 50=1.20 --block 2.75 for blocks.")
	}
	if o.rate != "" {
		rate, ok := exactly(o.rate, 1_000_000)
		if !ok {
			return n, usage(fmt.Sprintf("--rate %q is not a price.", o.rate), "Write it as 2.50, with at most six decimals.")
		}
		n.FlatMicro = &rate
		return n, nil
	}
	for _, text := range o.blocks {
		b, ok := block(text)
		if !ok {
			return n, usage(fmt.Sprintf("--block %q is not a block.", text), "Write KWH=PRICE, such as 50=1.20, and PRICE alone for the last block.")
		}
		n.Blocks = append(n.Blocks, b)
	}
	return n, nil
}

// planned reads a plan: what the customer buys, and the price.
func (o tariffOptions) planned(n apiv1.NewTariff) (apiv1.NewTariff, error) {
	what, price, ok := strings.Cut(o.plan, "=")
	cur, _ := money.CurrencyOf(o.currency)
	minor, err := money.Parse(price, cur)
	n.Plan = &apiv1.Plan{AmountMinor: int64(minor)}
	if energy, is := strings.CutSuffix(what, "kWh"); is {
		n.Plan.UnitsWh, is = exactly(energy, int64(unit.KilowattHour))
		ok = ok && is
	} else if n.Plan.Per = what; what != "month" && what != "day" {
		ok = false
	}
	if !ok || err != nil {
		return n, usage(fmt.Sprintf("--plan %q is not a plan.", o.plan), "Write it as 0.5kWh=50.00, month=900.00 or day=30.00.")
	}
	return n, nil
}

func block(text string) (apiv1.Block, bool) {
	limit, price, limited := strings.Cut(text, "=")
	if !limited {
		price = limit
	}
	rate, ok := exactly(price, 1_000_000)
	b := apiv1.Block{RateMicro: rate}
	if limited {
		wh, isNumber := exactly(limit, int64(unit.KilowattHour))
		b.UpToWh, ok = &wh, ok && isNumber
	}
	return b, ok
}

// exactly reads a number that is not negative and scales it exactly; it refuses more decimals than the scale has.
func exactly(text string, scale int64) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	r.Mul(r, new(big.Rat).SetInt64(scale))
	if !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

func newTariffPublish(c console) *cobra.Command {
	var file, from string
	var replaces int
	var plan bool
	cmd := &cobra.Command{
		Use:   "publish NAME --file FILE",
		Short: "Publish a new version of a tariff",
		Long: "Publish a new version of a tariff. With --replaces it takes the place of another version. If that one has begun, this corrects its\n" +
			"fixed charges, which may only become smaller: what was charged becomes smaller too, and customers get back what they paid too much.\n" +
			"With --plan, only say what such a correction would do.",
		Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			price, _, err := c.readDraft(file)
			if err != nil {
				return err
			}
			v := apiv1.NewTariffVersion{Price: price, Replaces: replaces}
			if from != "" {
				at, err := time.Parse(time.RFC3339, from)
				if err != nil {
					return usage(fmt.Sprintf("--from %q is not a time.", from), "Write it as 2027-01-01T00:00:00+02:00.")
				}
				v.EffectiveFrom = &at
			}
			if plan {
				p, err := api.PlanTariffCorrection(cmd.Context(), args[0], v)
				return answer(c, cmd, p, err, correctionTable)
			}
			t, err := api.CreateTariffVersion(cmd.Context(), args[0], v)
			return answer(c, cmd, t, err, func(t apiv1.Tariff) table { return tariffTable(t) })
		}),
	}
	cmd.Flags().StringVar(&file, "file", "", "file with the JSON of POST /v1/tariffs without a name; - for standard input (needed)")
	cmd.Flags().StringVar(&from, "from", "", "time when the version begins, such as 2027-01-01T00:00:00Z (default: now)")
	cmd.Flags().IntVar(&replaces, "replaces", 0, "number of a version whose place this one takes, from its beginning on")
	cmd.Flags().BoolVar(&plan, "plan", false, "only say what a correction of a version that has begun would do")
	return cmd
}

// correctionTable shows what a correction would do.
func correctionTable(p apiv1.TariffCorrectionPlan) table {
	t := table{head: []string{"accounts", "change", "wait", "owed less", "goes back"}}
	amount := func(minor int64) string {
		return money.Amount{Minor: money.Minor(minor), Currency: p.Currency}.String()
	}
	accounts := strconv.Itoa(p.Accounts)
	if p.More {
		accounts += " of more"
	}
	t.add(accounts, p.Changed, p.Waiting, amount(p.LessMinor), amount(p.BackMinor))
	return t
}

func newTariffWithdraw(c console) *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use: "withdraw NAME VERSION", Short: "Withdraw a version of a tariff that has not begun", Args: cobra.ExactArgs(2),
		Long: "Withdraw a version of a tariff that has not begun. It never begins: whatever price holds before its moment goes on. A\n" +
			"version that says so is published, with a number of its own. Both stay in the list.",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil {
				return usage(fmt.Sprintf("VERSION %q is not a number.", args[1]), "paywatt tariff show NAME lists the versions.")
			}
			t, err := api.WithdrawTariffVersion(cmd.Context(), args[0], apiv1.TariffWithdrawal{Version: n, Reason: reason})
			return answer(c, cmd, t, err, func(t apiv1.Tariff) table { return tariffTable(t) })
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in one line of at most 120 characters; the audit log keeps it, and a second person sees it")
	return cmd
}

func newTariffShow(c console) *cobra.Command {
	return list[apiv1.TariffFilter, apiv1.Tariff]{
		use: "show NAME", of: apiv1.TariffVersions, page: (*client.Client).TariffVersions,
		arg: func(f *apiv1.TariffFilter, name string) { f.Tariff = name },
		table: func(all []apiv1.Tariff) table {
			t := table{head: []string{"version", "from", "state", "text"}}
			for _, v := range all {
				for i, words := range v.Words {
					if i == 0 {
						t.add(v.Version, v.EffectiveFrom.Format(time.RFC3339), v.Standing, words)
					} else {
						t.add("", "", "", words)
					}
				}
			}
			return t
		},
	}.command(c)
}

func newTariffList(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.Tariff]{
		use: "list", of: apiv1.Tariffs, page: (*client.Client).Tariffs,
		table: func(all []apiv1.Tariff) table { return tariffTable(all...) },
	}.command(c)
}

func tariffTable(all ...apiv1.Tariff) table {
	t := table{head: []string{"name", "version", "currency", "vat %", "price", "from", "id"}}
	for _, v := range all {
		t.add(v.Name, v.Version, v.Currency, hundredths(v.VATBps), priceText(v.Price), v.EffectiveFrom.Format(time.RFC3339), v.ID)
	}
	return t
}

func hundredths(bps int64) string {
	return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%d.%02d", bps/100, bps%100), "0"), ".0")
}

func priceText(p apiv1.Price) string {
	cur, _ := money.CurrencyOf(p.Currency)
	if p.FlatMicro != nil {
		return money.FormatRate(money.MicroRate(*p.FlatMicro), cur)
	}
	switch {
	case p.TOU != nil:
		return "by time of use"
	case len(p.Seasons) > 0:
		return "by season"
	}
	var parts []string
	for _, b := range p.Blocks {
		rate := money.FormatRate(money.MicroRate(b.RateMicro), cur)
		if b.UpToWh != nil {
			rate = "to " + strconv.FormatInt(*b.UpToWh/int64(unit.KilowattHour), 10) + " kWh " + rate
		}
		parts = append(parts, rate)
	}
	return strings.Join(parts, ", ")
}
