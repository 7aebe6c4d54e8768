package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterMoveIn(c console) *cobra.Command {
	var m apiv1.MoveIn
	var customer apiv1.Customer
	var credit string
	var plan bool
	cmd := &cobra.Command{
		Use: "move-in METER", Short: "Open an account for a customer at a free meter", Args: cobra.ExactArgs(1),
		Long: "Open an account for a customer at a free meter. With --plan, only say what the customer would owe, and what a first purchase would\n" +
			"bring at a keypad meter.",
		Example: "  paywatt meter move-in 04140001001 --tariff domestic --name \"Kwame M.\" --plan\n" +
			"  paywatt meter move-in 04140001001 --tariff domestic --name \"Kwame M.\" --phone +254700000002 --reason \"new lease\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if customer != (apiv1.Customer{}) {
				m.Customer = &customer
			}
			var err error
			if m.Credit, err = creditTyped(credit); err != nil {
				return err
			}
			if plan {
				out, err := api.PlanMoveIn(cmd.Context(), args[0], m)
				if err != nil {
					return err
				}
				tellOwing(cmd, api, out, "would take over")
				return c.show(cmd, out, moveInTable(out))
			}
			out, err := api.MoveIn(cmd.Context(), args[0], m)
			if err != nil {
				return err
			}
			tellOwing(cmd, api, out, "took over")
			if left := creditText(out.Credit); left != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "Credit in the meter: %s. The customer's statement says so.\n", left)
			}
			return c.show(cmd, out, meterTable(out.Meter))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&m.Tariff, "tariff", "", "name of the tariff (needed)")
	f.StringVar(&customer.ID, "customer", "", "id of a customer who is on record already")
	f.StringVar(&customer.Name, "name", "", "name of the customer")
	f.StringVar(&customer.Phone, "phone", "", "telephone number of the customer, with country code")
	f.StringVar(&credit, "credit", "",
		"kilowatt-hours in a keypad meter, read off its display, or unknown (default: as it was stated at the move-out)")
	f.StringVar(&m.Reason, "reason", "", "why, in a few words (needed); written to the audit log")
	f.BoolVar(&plan, "plan", false, "only say what would happen")
	return cmd
}

// moveInTable shows what a move-in would do.
func moveInTable(m apiv1.MovedIn) table {
	rows := []string{"meter", m.Number, "tariff", m.Tariff, "tariff before", m.TariffBefore, "credit left in the meter", creditText(m.Credit)}
	if m.SecondPerson {
		rows = append(rows, "second person", "must agree")
	}
	if m.NotYet != "" {
		rows = append(rows, "first purchase", "would be refused now: "+m.NotYet)
	}
	if q := m.FirstPurchase; q != nil {
		rows = append(rows, "first purchase", amountText(q.Tender), "units", unit.Energy(q.UnitsWh).KWh(1)+" kWh")
		rows = append(rows, lineFields(q.Lines, q.Tender.Currency)...)
	}
	return fields(rows...)
}

// tellOwing says what a customer who has moved in or got another meter owes already.
func tellOwing(cmd *cobra.Command, api *client.Client, m apiv1.MovedIn, took string) {
	if m.TakenOverMinor == 0 && len(m.OtherDebts) == 0 {
		return
	}
	currency, err := tariffCurrency(cmd, api)
	if err != nil {
		currency = ""
	}
	out := cmd.ErrOrStderr()
	if m.TakenOverMinor > 0 {
		fmt.Fprintf(out, "The account %s %s that closed accounts of the customer owed.\n", took, minorText(m.TakenOverMinor, currency))
	}
	for _, o := range m.OtherDebts {
		whose := "has the same telephone number"
		if o.Same {
			whose = "is the same customer"
		}
		fmt.Fprintf(out, "Account %s owes %s: %s %s. To take it over: paywatt account take-over %s --from %s --reason REASON\n", o.Account, minorText(o.OwedMinor, currency),
			o.Name, whose, m.Number, o.Account)
	}
}
