package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newMeterSet(c console) *cobra.Command {
	var feeder, reason string
	var most int64
	cmd := &cobra.Command{
		Use: "set METER", Short: "Change the feeder or the greatest power of a meter", Args: cobra.ExactArgs(1),
		Example: "  paywatt meter set 04140001001 --feeder \"North 3\" --reason \"new line\"\n" +
			"  paywatt meter set 04140001001 --max-w 9200 --reason \"40 A breaker\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			change := apiv1.MeterChange{Feeder: given(cmd, "feeder", &feeder), MaxW: given(cmd, "max-w", &most), Reason: reason}
			m, err := api.ChangeMeter(cmd.Context(), args[0], change)
			return answer(c, cmd, m, err, meterTable)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&feeder, "feeder", "", "the line its place hangs on; empty for none")
	f.Int64Var(&most, "max-w", 0, "the greatest power it can measure, in W; 0 for 23,000 W a phase")
	f.StringVar(&reason, "reason", "", "why, in a few words (needed); kept in the audit log")
	return cmd
}

func newMeterMoveIn(c console) *cobra.Command {
	var m apiv1.MoveIn
	var customer apiv1.Customer
	cmd := &cobra.Command{
		Use: "move-in METER", Short: "Open an account for a customer at a meter that is free", Args: cobra.ExactArgs(1),
		Example: "  paywatt meter move-in 04140001001 --tariff domestic --name \"Kwame M.\" --phone +254700000002 --reason \"new lease\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if customer != (apiv1.Customer{}) {
				m.Customer = &customer
			}
			out, err := api.MoveIn(cmd.Context(), args[0], m)
			return answer(c, cmd, out, err, meterTable)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&m.Tariff, "tariff", "", "name of the tariff (needed)")
	f.StringVar(&customer.ID, "customer", "", "id of a customer already known")
	f.StringVar(&customer.Name, "name", "", "customer's name")
	f.StringVar(&customer.Phone, "phone", "", "customer's phone, with country code")
	f.StringVar(&m.Reason, "reason", "", "why (needed); it stands in the audit log")
	return cmd
}

func newMeterSIM(c console) *cobra.Command {
	return &cobra.Command{
		Use: "sim METER NUMBER", Short: "Register the number of the SIM in a meter, for tokens by SMS", Args: cobra.ExactArgs(2),
		Long: "Registers the number of the SIM in the meter's own modem, with its country code; \"\" takes it out. The meter itself must know the server's\n" +
			"number as one of its registered ones, or its answers come without the balance.",
		Example: "  paywatt meter sim 04140001001 +254700000200",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			m, err := api.SetSIM(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return c.show(cmd, m, fields("meter", m.Number, "sim", m.SIMPhone))
		}),
	}
}

func newMeterRebase(c console) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "rebase METER REGISTER_WH", Short: "Count on from a register of a wallet meter: it was changed or reset", Args: cobra.ExactArgs(2),
		Example: `  paywatt meter rebase 04140001001 0 --reason "new meter fitted"`,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			register, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || reason == "" {
				return usage("A rebase needs a register in Wh and a reason.", "For example: meter rebase 04140001001 0 --reason \"new meter fitted\".")
			}
			d, err := api.RebaseMeter(cmd.Context(), args[0], register, reason)
			return answer(c, cmd, d, err, verdictTable)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why (needed); it stands in the audit log")
	return cmd
}
