package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newPaymentCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "payment", Short: "Show payments of providers, and decide about parked ones"}
	cmd.AddCommand(newPaymentList(c), newPaymentShow(c), newPaymentAsk(c), newPaymentRequest(c), newPaymentRequests(c), newPaymentApply(c),
		newPaymentDecision(c, "refund", "Record that a parked payment was given back", (*client.Client).RefundPayment),
		newPaymentDecision(c, "reject", "Reject a payment that its provider has not confirmed", (*client.Client).RejectPayment))
	return cmd
}

func newPaymentList(c console) *cobra.Command {
	return list[apiv1.PaymentFilter, apiv1.Payment]{
		use: "list", example: "  paywatt payment list --state parked", of: apiv1.Payments, page: (*client.Client).Payments, limit: 50,
		options: func(flags *pflag.FlagSet, f *apiv1.PaymentFilter) {
			choiceFlag(flags, &f.State, "state", "only payments in this state", enum[apiv1.PaymentFilter]("State"))
			flags.StringVar(&f.Provider, "provider", "", "only payments of this provider")
			flags.StringVar(&f.Reference, "reference", "", "only payments with exactly this reference")
		},
		table: columns("seen, provider, name there, amount, reference, state, reason, meter, id", func(p apiv1.Payment) []any {
			return []any{timeText(&p.SeenAt), p.Provider, p.ProviderTxn, amountText(p.Amount), p.Reference, p.State, p.Reason, p.Meter, p.ID}
		}),
	}.command(c)
}

func newPaymentShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show PAYMENT", Short: "Show a payment", Args: cobra.ExactArgs(1),
		Example: "  paywatt payment show pay_01jd0000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			p, err := api.Payment(cmd.Context(), args[0])
			return answer(c, cmd, p, err, paymentTable)
		}),
	}
}

func newPaymentApply(c console) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "apply PAYMENT METER", Short: "Give a parked payment the meter that it is for", Args: cobra.ExactArgs(2),
		Example: "  paywatt payment apply pay_01jd0000000000000000000000 04140001001",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			p, err := api.ApplyPayment(cmd.Context(), args[0], apiv1.ApplyPayment{Meter: args[1]}, key)
			return answer(c, cmd, p, err, paymentTable)
		}),
	}
	cmd.Flags().StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer")
	return cmd
}

func newPaymentDecision(c console, use, short string, do func(*client.Client, context.Context, string, apiv1.DecidePayment, string) (apiv1.Payment, error)) *cobra.Command {
	var reason, key string
	cmd := &cobra.Command{
		Use: use + " PAYMENT", Short: short, Args: cobra.ExactArgs(1),
		Example: "  paywatt payment " + use + " pay_01jd0000000000000000000000 --reason \"not a customer of ours\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			p, err := do(api, cmd.Context(), args[0], apiv1.DecidePayment{Reason: reason}, key)
			return answer(c, cmd, p, err, paymentTable)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why (needed)")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer")
	return cmd
}

func paymentTable(p apiv1.Payment) table {
	vend := ""
	if p.Vend != nil {
		vend = *p.Vend
	}
	return fields("payment", p.ID, "provider", p.Provider, "name there", p.ProviderTxn, "amount", amountText(p.Amount), "reference", p.Reference, "payer", p.Payer,
		"state", p.State, "reason", p.Reason, "detail", p.Detail, "confirmed by", p.Proof, "meter", p.Meter, "sale", vend,
		"paid", timeText(&p.PaidAt), "seen", timeText(&p.SeenAt), "confirmed", timeText(p.ConfirmedAt))
}
