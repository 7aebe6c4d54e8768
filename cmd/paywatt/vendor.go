package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/money"
)

func newVendorCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "vendor", Short: "Show and change vendors, their floats and their terms"}
	cmd.AddCommand(newVendorAdd(c), newVendorTerms(c), newVendorList(c), newVendorShow(c), newVendorDeposit(c), newVendorStatement(c), newVendorSettlement(c))
	return cmd
}

// vendorOptions are the options of vendor add and vendor terms.
type vendorOptions struct {
	code, name, billing, commission, credit, status string
}

func newVendorAdd(c console) *cobra.Command {
	var o vendorOptions
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a vendor with an empty float", Args: cobra.ExactArgs(1),
		Example: "  paywatt vendor add \"Corner shop\" --commission 1.5\n" +
			"  paywatt apikey create --role vendor_api --vendor V001",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n := apiv1.NewVendor{Name: args[0], Code: o.code, Billing: o.billing}
			var err error
			if n.CommissionBps, err = percent("--commission", o.commission); err != nil {
				return err
			}
			if n.CreditLimitMinor, err = c.minor(cmd, api, "--credit", o.credit); err != nil {
				return err
			}
			v, err := api.AddVendor(cmd.Context(), n)
			return answer(c, cmd, v, err, vendorTable)
		}),
	}
	cmd.Flags().StringVar(&o.code, "code", "", "short code that begins its receipt numbers (default: the next of V001, V002 ...)")
	choiceFlag(cmd.Flags(), &o.billing, "billing", "billing: float or postpaid (default: float)", enum[apiv1.NewVendor]("Billing"))
	cmd.Flags().StringVar(&o.commission, "commission", "0", "commission in percent of a payment, tax included")
	cmd.Flags().StringVar(&o.credit, "credit", "0", "amount that it may sell beyond its deposits")
	return cmd
}

func newVendorTerms(c console) *cobra.Command {
	var o vendorOptions
	cmd := &cobra.Command{
		Use: "terms VENDOR", Short: "Change the terms of a vendor, or block it", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			t := apiv1.VendorTerms{Name: given(cmd, "name", &o.name)}
			if cmd.Flags().Changed("commission") {
				bps, err := percent("--commission", o.commission)
				if err != nil {
					return err
				}
				t.CommissionBps = &bps
			}
			if cmd.Flags().Changed("credit") {
				limit, err := c.minor(cmd, api, "--credit", o.credit)
				if err != nil {
					return err
				}
				t.CreditLimitMinor = &limit
			}
			switch o.status {
			case "":
			case "active", "blocked":
				t.Blocked = new(o.status == "blocked")
			default:
				return usage("--status must be active or blocked.", "Give one of the two.")
			}
			v, err := api.SetVendorTerms(cmd.Context(), args[0], t)
			return answer(c, cmd, v, err, vendorTable)
		}),
	}
	cmd.Flags().StringVar(&o.name, "name", "", "name of the vendor")
	cmd.Flags().StringVar(&o.commission, "commission", "", "commission in percent of a payment, tax included")
	cmd.Flags().StringVar(&o.credit, "credit", "", "amount that it may sell beyond its deposits")
	choiceFlag(cmd.Flags(), &o.status, "status", "status of the vendor: active or blocked", []string{"active", "blocked"})
	return cmd
}

func newVendorList(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.Vendor]{
		use: "list", of: apiv1.Vendors, page: (*client.Client).Vendors,
		table: columns("code, name, billing, balance, available, blocked, id", func(v apiv1.Vendor) []any {
			return []any{v.Code, v.Name, v.Billing, floatText(v.Float, v.Float.BalanceMinor), floatText(v.Float, v.Float.AvailableMinor), v.Blocked, v.ID}
		}),
	}.command(c)
}

func newVendorShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show VENDOR", Short: "Show a vendor and its float", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			v, err := api.Vendor(cmd.Context(), args[0])
			return answer(c, cmd, v, err, vendorTable)
		}),
	}
}

func newVendorDeposit(c console) *cobra.Command {
	var reference, bank, key string
	cmd := &cobra.Command{
		Use: "deposit VENDOR AMOUNT", Short: "Record a deposit of a vendor at the bank", Args: cobra.ExactArgs(2),
		Example: "  paywatt vendor deposit V001 5000 --reference BANK-000123",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			amount, err := amountOf(cmd, api, args[1])
			if err != nil {
				return err
			}
			d, err := api.Deposit(cmd.Context(), args[0], apiv1.NewDeposit{Amount: amount, Reference: reference, Bank: bank}, key)
			if err != nil {
				return err
			}
			return c.show(cmd, d, fields("deposit", d.ID, "vendor", d.Vendor, "amount", amountText(d.Amount), "reference", d.Reference,
				"balance", floatText(d.Float, d.Float.BalanceMinor), "available", floatText(d.Float, d.Float.AvailableMinor)))
		}),
	}
	cmd.Flags().StringVar(&reference, "reference", "", "reference of the payment at the bank (needed); a reference is booked only once")
	cmd.Flags().StringVar(&bank, "bank", "", "bank account of the utility that got the money (default: main)")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the deposit")
	return cmd
}

func newVendorStatement(c console) *cobra.Command {
	return &cobra.Command{
		Use: "statement VENDOR", Short: apiv1.VendorStatement.Summary, Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			v, err := api.Vendor(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			all, err := every(func(p apiv1.Page) (apiv1.List[apiv1.VendorEntry], error) {
				return api.VendorStatement(cmd.Context(), apiv1.VendorFilter{Vendor: args[0], Page: p})
			})
			if err != nil {
				return err
			}
			return c.show(cmd, all, columns("at, kind, amount, balance, for", func(l apiv1.VendorEntry) []any {
				return []any{timeText(&l.At), l.Kind, floatText(v.Float, l.AmountMinor), floatText(v.Float, l.BalanceMinor), l.Ref}
			})(all))
		}),
	}
}

func newVendorSettlement(c console) *cobra.Command {
	d := client.SettlementDays{}
	cmd := &cobra.Command{
		Use: "settlement VENDOR", Short: "Print the settlement of a vendor for a month or other days as CSV", Args: cobra.ExactArgs(1),
		Example: "  paywatt vendor settlement V001 --month 2026-11 > settlement.csv\n" +
			"  paywatt vendor settlement V001 --from 2026-11-01 --to 2026-11-15",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			text, err := api.VendorSettlement(cmd.Context(), args[0], d)
			if err == nil {
				_, err = c.out.Write(text)
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&d.Month, "month", "", "local month, such as 2026-11 (default: the present month)")
	cmd.Flags().StringVar(&d.From, "from", "", "first local day, such as 2026-11-01; needs --to")
	cmd.Flags().StringVar(&d.To, "to", "", "last local day")
	return cmd
}

func floatText(f apiv1.Float, minor int64) string { return minorText(minor, f.Currency) }

func vendorTable(v apiv1.Vendor) table {
	return fields("vendor", v.Code, "name", v.Name, "id", v.ID, "billing", v.Billing,
		"commission", fmt.Sprintf("%d.%02d %%", v.CommissionBps/100, v.CommissionBps%100),
		"balance", floatText(v.Float, v.Float.BalanceMinor), "held", floatText(v.Float, v.Float.HeldMinor),
		"credit", floatText(v.Float, v.CreditLimitMinor), "available", floatText(v.Float, v.Float.AvailableMinor),
		"blocked", strconv.FormatBool(v.Blocked))
}

// minor reads an amount in the tenant's currency. An empty text and 0 mean the amount 0 and need no currency.
func (c console) minor(cmd *cobra.Command, api *client.Client, option, text string) (int64, error) {
	if text == "" || text == "0" {
		return 0, nil
	}
	a, err := amountOf(cmd, api, text)
	if err != nil {
		return 0, err
	}
	if a.AmountMinor < 0 || money.Minor(a.AmountMinor) > money.MaxMinor {
		return 0, usage(option+" cannot be "+text+".", "Give a positive amount.")
	}
	return a.AmountMinor, nil
}

// percent reads a percentage of at most two decimals into basis points.
func percent(option, text string) (int64, error) {
	bps, ok := exactly(text, 100)
	if !ok {
		return 0, usage(fmt.Sprintf("%s %q is not a percentage.", option, text), "Write it as 2 or 1.5.")
	}
	return bps, nil
}
