package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

func chargeOf(d debt.Due, currency string) apiv1.Charge {
	return apiv1.Charge{ID: d.ID.Text(id.Charge), Account: d.Account.Text(id.Account), Name: d.Name, Month: d.Month, Ref: d.Ref(), Currency: currency,
		AmountMinor: int64(d.Gross), PaidMinor: int64(d.Paid), VATBps: int64(d.VATBps), Priority: d.Priority, Uncapped: !d.Capped,
		CreatedAt: d.CreatedAt.UTC()}
}

func (a *API) addCharge(ctx context.Context, by access.Actor, _ *struct{}, b apiv1.NewCharge) (*sent, error) {
	out, err := a.c.Debts.AddCharge(ctx, by, debt.NewCharge{Request: exchangeOf(ctx).request(), Account: b.Account, Name: b.Name,
		Month: b.Month, Amount: moneyOf(b.Amount), VATBps: money.Bps(clamp(b.VATBps)), Priority: b.Priority, Uncapped: b.Uncapped,
		Render: func(c debt.Charged) (int, []byte) { return http.StatusCreated, encoded(chargeOf(c.Due, c.Currency)) }})
	return answered(ctx, a, out, err)
}

func (a *API) chargeRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "add-charge", Path: "/v1/charges", DefaultStatus: http.StatusCreated, Tags: []string{"debts"}, Summary: "Add a charge by hand",
		Description: "For a charge that another system left open, or a one-time fee. Charges of the tariff fall due automatically. Needs the header Idempotency-Key.",
		Parameters:  keyParam(),
		Responses: map[string]*huma.Response{
			"201": bodyOf[apiv1.Charge](r, "Due.")},
	}, a.addCharge)
	listRoute(r, apiv1.Charges, func(ctx context.Context, by access.Actor, in *apiv1.OwingFilter) (*listed[apiv1.Charge], error) {
		l, err := a.c.Debts.Charges(ctx, by, owingOf(in))
		return pageOf(l.Refusal, err, l.Dues, l.Next, func(d debt.Due) apiv1.Charge { return chargeOf(d, l.Currency) })
	})
}
