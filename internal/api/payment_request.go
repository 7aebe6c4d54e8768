package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
)

// PaymentRequestPath is the request to pay in a path.
type PaymentRequestPath struct {
	Request string `path:"id" maxLength:"64" doc:"Id of the payment request"`
}

func (a *API) paymentRequestRoutes(r router) {
	listRoute(r, apiv1.PaymentRequests, func(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.PaymentRequest], error) {
		l, err := a.c.Payments.Requests(ctx, by, pageAt(*in))
		return pageOf(l.Refusal, err, l.Requests, l.Next, requestOf)
	})
	query(r, huma.Operation{
		OperationID: "payment-request", Path: "/v1/payment-requests/{id}", Tags: []string{"payments"}, Summary: "Show a request to pay",
		Description: "Whoever made it may see it; anybody else needs the right payment.read.",
	}, func(ctx context.Context, by access.Actor, in *PaymentRequestPath) (*reply[apiv1.PaymentRequest], error) {
		v, err := a.c.Payments.ShowRequest(ctx, by, in.Request)
		return replyOf(v.Refusal, err, func() apiv1.PaymentRequest { return requestOf(v) })
	})
	order(r, huma.Operation{OperationID: "request-payment", Path: "/v1/payment-requests", DefaultStatus: http.StatusAccepted, Tags: []string{"payments"},
		Summary: "Ask a customer to pay", Parameters: keyParam(),
		Description: "A telephone can be asked three times an hour and ten times a day. Ask for the request again to see what became of it. Needs the header Idempotency-Key.",
		Responses:   map[string]*huma.Response{"202": bodyOf[apiv1.PaymentRequest](r, "The customer will be asked.")}},
		func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.PaymentRequestBody) (*sent, error) {
			d := payment.Asking{Request: exchangeOf(ctx).request(), Meter: body.Meter, Amount: money.Minor(body.AmountMinor), Phone: body.Phone, Provider: body.Provider,
				Render: func(v payment.RequestView) (int, []byte) { return http.StatusAccepted, encoded(requestOf(v)) }}
			out, err := a.c.Payments.Ask(ctx, by, d)
			return answered(ctx, a, out, err)
		})
}

func requestOf(v payment.RequestView) apiv1.PaymentRequest {
	q := v.Request
	out := apiv1.PaymentRequest{ID: q.Name(), Provider: q.Provider, Meter: q.Meter, Amount: amountOf(q.Amount), Phone: q.Phone, State: string(q.State), Reason: q.Reason,
		Page: q.Page, By: access.PlainName(q.By), MadeAt: q.MadeAt.UTC(), Decided: at(q.DecidedAt)}
	if !q.Payment.IsZero() {
		out.Payment = new(q.Payment.Text(id.Payment))
	}
	return out
}
