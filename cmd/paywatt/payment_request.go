package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newPaymentAsk(c console) *cobra.Command {
	var n apiv1.PaymentRequestBody
	var key string
	cmd := &cobra.Command{
		Use: "ask METER AMOUNT", Short: "Send a request to pay to a customer's telephone", Args: cobra.ExactArgs(2),
		Example: "  paywatt payment ask 04140001001 500 --phone +254711000001",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) (err error) {
			n.Meter = args[0]
			if n.AmountMinor, err = c.minor(cmd, api, "AMOUNT", args[1]); err != nil {
				return err
			}
			r, err := api.RequestPayment(cmd.Context(), n, key)
			return answer(c, cmd, r, err, requestTable)
		}),
	}
	cmd.Flags().StringVar(&n.Phone, "phone", "", "telephone to ask; a provider with a page needs none")
	cmd.Flags().StringVar(&n.Provider, "provider", "", "payment provider that asks, if several can")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer")
	return cmd
}

func newPaymentRequest(c console) *cobra.Command {
	return &cobra.Command{
		Use: "request REQUEST", Short: "Show a request to pay", Args: cobra.ExactArgs(1),
		Example: "  paywatt payment request prq_01jd0000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			r, err := api.PaymentRequest(cmd.Context(), args[0])
			return answer(c, cmd, r, err, requestTable)
		}),
	}
}

func newPaymentRequests(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.PaymentRequest]{
		use: "requests", of: apiv1.PaymentRequests, page: (*client.Client).PaymentRequests, limit: 50,
		table: columns("made, provider, meter, amount, phone, state, reason, by, id", func(r apiv1.PaymentRequest) []any {
			return []any{timeText(&r.MadeAt), r.Provider, r.Meter, amountText(r.Amount), r.Phone, r.State, r.Reason, r.By, r.ID}
		}),
	}.command(c)
}

func requestTable(r apiv1.PaymentRequest) table {
	paid := ""
	if r.Payment != nil {
		paid = *r.Payment
	}
	return fields("request", r.ID, "provider", r.Provider, "meter", r.Meter, "amount", amountText(r.Amount), "phone", r.Phone, "state", r.State, "reason", r.Reason,
		"page", r.Page, "payment", paid, "by", r.By, "made", timeText(&r.MadeAt), "decided", timeText(r.Decided))
}
