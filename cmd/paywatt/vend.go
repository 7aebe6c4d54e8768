package main

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// vendOptions are the options of vend.
type vendOptions struct {
	clientRef, currency string
	deliver             []string
	print, quote        bool
}

func newVendCommand(c console) *cobra.Command {
	var o vendOptions
	cmd := &cobra.Command{
		Use:   "vend METER AMOUNT",
		Short: "Sell electricity and print the token",
		Long: "Sell electricity: take AMOUNT for METER and print the token. If the answer of the server is lost, repeat the command with the\n" +
			"same --client-ref. It then shows the sale, or makes it once.",
		Example: "  paywatt vend 04140001001 100.00\n" +
			"  paywatt vend 04140001001 100 --client-ref till3-000017 --print",
		Args: cobra.ExactArgs(2),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			tender, err := o.tender(cmd, api, args[1])
			if err != nil {
				return err
			}
			if o.quote {
				return c.quote(cmd, api, args[0], tender)
			}
			return c.vend(cmd, api, o, args[0], tender)
		}),
	}
	cmd.AddCommand(newVendList(c), newVendShow(c), newVendReverse(c), newVendCopy(c), newVendReceipt(c))
	f := cmd.Flags()
	f.StringVar(&o.clientRef, "client-ref", "", "your own reference of the sale; repeating it repeats the answer, not the sale")
	f.StringVar(&o.currency, "currency", "", "currency of AMOUNT, such as KES (default: that of the tariffs)")
	f.StringArrayVar(&o.deliver, "deliver", nil, "also deliver the token this way: mqtt (repeatable)")
	f.BoolVar(&o.print, "print", false, "print the receipt")
	f.BoolVar(&o.quote, "quote", false, "show the price without selling")
	return cmd
}

func newVendList(c console) *cobra.Command {
	return list[apiv1.SaleFilter, apiv1.Sale]{
		use: "list [METER]", example: "  paywatt vend list\n  paywatt vend list 04140001001 --from 2026-11-01 --to 2026-11-30 -o csv",
		of: apiv1.Sales, page: (*client.Client).Vends, arg: func(f *apiv1.SaleFilter, meter string) { f.Meter = meter }, limit: 50,
		options: func(flags *pflag.FlagSet, f *apiv1.SaleFilter) {
			flags.StringVar(&f.From, "from", "", "only sales from this local day or time on")
			flags.StringVar(&f.To, "to", "", "only sales until the end of this local day, or before this time")
			flags.StringVar(&f.Account, "account", "", "only sales to this account")
			flags.StringVar(&f.Seller, "seller", "", "only sales of this vendor: its id or code")
			flags.StringVar(&f.Till, "till", "", "only sales of this till")
			flags.StringVar(&f.Shift, "shift", "", "only sales of this shift: its id")
			flags.StringVar(&f.Receipt, "receipt", "", "only the sale with this number of its receipt")
			choiceFlag(flags, &f.State, "state", "only sales in this state: "+alternativesText(enum[apiv1.SaleFilter]("State")), enum[apiv1.SaleFilter]("State"))
		},
		table: columns("receipt, sold, meter, amount, kWh, state, till, by, id", func(s apiv1.Sale) []any {
			return []any{s.ReceiptNo, timeText(&s.CreatedAt), s.Meter, amountText(s.Tender), s.UnitsKWh, s.State, s.Till, s.By, s.ID}
		}),
	}.command(c)
}

func newVendShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show SALE", Short: "Show a sale, by its id, reference or receipt number", Args: cobra.ExactArgs(1),
		Example: "  paywatt vend show main-000001\n  paywatt vend show vnd_01jd00000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			named, err := saleID(cmd.Context(), api, args[0])
			if err != nil {
				return err
			}
			v, err := api.VendByID(cmd.Context(), named)
			if err != nil {
				return err
			}
			t := vendTable(v)
			t.rows = append(t.rows, fields("state", v.State, "sold", timeText(&v.CreatedAt), "completed", timeText(v.CompletedAt)).rows...)
			return c.show(cmd, v, t)
		}),
	}
}

// tender reads the amount in the currency's own decimals. Without --currency it uses the currency of the tariffs,
// because a tenant has exactly one currency.
func (o vendOptions) tender(cmd *cobra.Command, api *client.Client, text string) (apiv1.Amount, error) {
	code := o.currency
	if code == "" {
		var err error
		code, err = tariffCurrency(cmd, api)
		switch {
		case err != nil:
			return apiv1.Amount{}, err
		case code == "":
			return apiv1.Amount{}, &exit.Failure{Code: exit.Refused, What: "No tariff is published yet, so there is no price.", Not: "No token was sold.",
				Try: "Publish one: paywatt tariff add domestic --currency KES --vat 15 --rate 2.50."}
		}
	}
	return amountIn(code, text, "No token was sold.")
}

// amountOf reads an amount for a command that books and has no --currency. The currency comes from the tariffs or from the settings. Every
// role that may book can read both. The server refuses the booking of any other role.
func amountOf(cmd *cobra.Command, api *client.Client, text string) (apiv1.Amount, error) {
	const not = "No entry was booked."
	code, err := tariffCurrency(cmd, api)
	if err == nil && code == "" {
		var s apiv1.Settings
		s, err = api.Settings(cmd.Context())
		code = s.Currency
	}
	if err != nil {
		return apiv1.Amount{}, err
	}
	if code == "" {
		return apiv1.Amount{}, &exit.Failure{Code: exit.Refused, What: "The utility has no currency yet.", Not: not, Try: "Set it: paywatt utility set --currency KES."}
	}
	return amountIn(code, text, not)
}

// tariffCurrency returns the currency of the tariffs, "" if there is no tariff yet.
func tariffCurrency(cmd *cobra.Command, api *client.Client) (string, error) {
	tariffs, err := api.Tariffs(cmd.Context(), apiv1.Page{Limit: 1})
	if err != nil || len(tariffs.Data) == 0 {
		return "", err
	}
	return tariffs.Data[0].Currency, nil
}

// amountIn reads an amount in the decimals of a currency.
func amountIn(code, text, not string) (apiv1.Amount, error) {
	cur, ok := money.CurrencyOf(code)
	if !ok {
		return apiv1.Amount{}, usage(fmt.Sprintf("%q is not a currency.", code), "Use the three letters of ISO 4217, such as KES.")
	}
	minor, err := money.Parse(text, cur)
	if err != nil {
		return apiv1.Amount{}, &exit.Failure{Code: exit.Usage, What: "The amount cannot be read: " + err.Error() + ".", Not: not,
			Try: "Write it as " + money.Format(money.Minor(100*money.PowerOfTen(cur.Exp)), cur) + "."}
	}
	return apiv1.Amount{AmountMinor: int64(minor), Currency: cur.Code}, nil
}

func (c console) vend(cmd *cobra.Command, api *client.Client, o vendOptions, meter string, tender apiv1.Amount) error {
	if o.clientRef == "" {
		// Always set a reference, so that a sale whose answer is lost can be found again.
		o.clientRef = "cli-" + rand.Text()
	}
	v, err := api.Vend(cmd.Context(), apiv1.NewSale{Meter: meter, Tender: tender, ClientRef: o.clientRef, Deliver: o.deliver}, "")
	if err != nil {
		return err
	}
	if o.print {
		paper, _, err := api.Receipt(cmd.Context(), v.ID, "text48")
		if err != nil {
			c.tell("The sale %s was made, but its receipt cannot be printed:", v.ID)
			return err
		}
		_, err = c.out.Write(paper)
		return err
	}
	return c.show(cmd, v.Sale, vendTable(v.Sale))
}

func (c console) quote(cmd *cobra.Command, api *client.Client, meter string, tender apiv1.Amount) error {
	q, err := api.Quote(cmd.Context(), meter, tender)
	if err != nil {
		return err
	}
	rows := append([]string{"units", unit.Energy(q.UnitsWh).KWh(1) + " kWh"}, lineFields(q.Lines, tender.Currency)...)
	return c.show(cmd, q, fields(rows...))
}

// vendTable shows a sale with its tokens in groups of four, as they are typed.
func vendTable(v apiv1.Sale) table {
	rows := []string{"sale", v.ID, "meter", v.Meter, "paid", amountText(v.Tender), "units", unit.Energy(v.UnitsWh).KWh(1) + " kWh"}
	rows = append(rows, lineFields(v.Lines, v.Tender.Currency)...)
	for _, t := range v.Tokens {
		rows = append(rows, "token", grouped(t.Digits))
	}
	if v.PressKey {
		rows = append(rows, "key", "Press # on the meter to switch the supply on.")
	}
	rows = append(rows, "receipt", v.ReceiptNo, "reference", v.ClientRef)
	if v.Test {
		rows = append(rows, "TEST", "the meter is simulated")
	}
	return fields(rows...)
}

func lineFields(lines []apiv1.Line, currency string) []string {
	var out []string
	for _, l := range lines {
		out = append(out, "  "+l.Kind, amountText(apiv1.Amount{AmountMinor: l.AmountMinor, Currency: currency}))
	}
	return out
}

func amountText(a apiv1.Amount) string {
	cur, ok := money.CurrencyOf(a.Currency)
	if !ok {
		return fmt.Sprint(a.AmountMinor) + " minor units of " + a.Currency
	}
	return money.Format(money.Minor(a.AmountMinor), cur) + " " + a.Currency
}

// grouped puts spaces between groups of four digits; a masked token already has them.
func grouped(digits string) string {
	if len(digits) != 20 || strings.Contains(digits, " ") {
		return digits
	}
	var groups []string
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, " ")
}

func newVendCopy(c console) *cobra.Command {
	var format, to string
	cmd := &cobra.Command{
		Use: "copy SALE", Short: "Print a receipt again, marked as a copy", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if err := noPrinter(to, format); err != nil {
				return err
			}
			named, err := saleID(cmd.Context(), api, args[0])
			if err != nil {
				return err
			}
			paper, err := api.Reprint(cmd.Context(), named, format)
			if err != nil {
				return err
			}
			return c.deliver(cmd, paper, to)
		}),
	}
	printFlag(cmd, &to)
	format = "text48"
	choiceFlag(cmd.Flags(), &format, "format", "format of the receipt: "+alternativesText(receiptFormats()), receiptFormats())
	return cmd
}
