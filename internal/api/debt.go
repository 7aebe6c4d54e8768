package api

import (
	"context"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
)

func debtOf(d debt.Debt, currency string) apiv1.Debt {
	b := apiv1.Debt{ID: d.Name(), Account: d.Account.Text(id.Account), Kind: d.Kind, Memo: d.Memo, Currency: currency,
		PrincipalMinor: int64(d.Principal), OutstandingMinor: int64(d.Outstanding), Mode: string(d.Mode), MinMinor: int64(d.Min),
		MaxMinor: int64(d.Max), MonthCapMinor: int64(d.MonthCap), Priority: d.Priority, Uncapped: !d.Capped, Against: d.Against,
		Status: d.State(), CreatedAt: d.CreatedAt.UTC()}
	switch d.Mode {
	case tariff.Percent:
		b.PercentBps = d.Value
	case tariff.Amount:
		b.FixedMinor = d.Value
	}
	return b
}

// owingOf turns a filter into the use case's form.
func owingOf(in *apiv1.OwingFilter) debt.ListRequest {
	return debt.ListRequest{Account: in.Account, Open: in.Open, Page: pageAt(in.Page)}
}

// DebtPath is the debt in a path.
type DebtPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the debt"`
}

// booked adds the 202 "awaiting approval" response to the responses of a sensitive action.
func booked(done map[string]*huma.Response, waits *huma.Response) map[string]*huma.Response {
	out := maps.Clone(done)
	out["202"] = waits
	return out
}

func (a *API) debtRoutes(r router) {
	waits := bodyOf[apiv1.Approval](r, "It waits for a second person.")
	debt := map[string]*huma.Response{"201": bodyOf[apiv1.Debt](r, "Booked.")}
	order(r, huma.Operation{
		OperationID: "raise-debt", Path: "/v1/debts", DefaultStatus: http.StatusCreated, Tags: []string{"debts"}, Summary: "Add a debt to an account",
		Description: "Purchases of the account collect it. Needs the header Idempotency-Key. If a second person must approve it, the answer is 202 with the approval.", Parameters: keyParam(), Responses: booked(debt, waits),
	}, a.addDebt)
	listRoute(r, apiv1.Debts, a.debts)
	order(r, huma.Operation{
		OperationID: "write-off-debt", Path: "/v1/debts/{id}/write-off", DefaultStatus: http.StatusCreated, Tags: []string{"debts"},
		Summary: "Write off a debt, or a part of it", Parameters: keyParam(), Responses: booked(debt, waits),
		Description: "Needs the header Idempotency-Key. If a second person must approve it, the answer is 202 with the approval.",
	}, a.writeOff)
	order(r, huma.Operation{
		OperationID: "adjust", Path: "/v1/adjustments", DefaultStatus: http.StatusCreated, Tags: []string{"debts"},
		Summary: "Credit a customer's account as goodwill", Parameters: keyParam(), Responses: booked(map[string]*huma.Response{
			"201": bodyOf[apiv1.Adjustment](r, "Booked.")}, waits),
		Description: "Needs the header Idempotency-Key. If a second person must approve it, the answer is 202 with the approval.",
	}, a.adjust)
}

func (a *API) addDebt(ctx context.Context, by access.Actor, _ *struct{}, b apiv1.NewDebt) (*sent, error) {
	value := b.FixedMinor
	if b.Mode == string(tariff.Percent) {
		value = b.PercentBps
	}
	out, err := a.c.Debts.Add(ctx, by, debt.NewDebt{Request: exchangeOf(ctx).request(), Account: b.Account, Kind: b.Kind, Memo: b.Memo,
		Amount: moneyOf(b.Amount), Mode: tariff.ChargeMode(b.Mode), Value: value, Min: money.Minor(b.MinMinor), Max: money.Minor(b.MaxMinor),
		MonthCap: money.Minor(b.MonthCapMinor), Priority: b.Priority, Uncapped: b.Uncapped, Against: b.Against,
		Render: func(d debt.Booking) (int, []byte) {
			return orWaits(http.StatusCreated, d.Waits, func() any { return debtOf(d.Debt, d.Currency) })
		}})
	return answered(ctx, a, out, err)
}

func (a *API) debts(ctx context.Context, by access.Actor, in *apiv1.OwingFilter) (*listed[apiv1.Debt], error) {
	l, err := a.c.Debts.List(ctx, by, owingOf(in))
	return pageOf(l.Refusal, err, l.Debts, l.Next, func(d debt.Debt) apiv1.Debt { return debtOf(d, l.Currency) })
}

func (a *API) writeOff(ctx context.Context, by access.Actor, in *DebtPath, b apiv1.WriteOff) (*sent, error) {
	out, err := a.c.Debts.WriteOff(ctx, by, debt.WriteOff{Request: exchangeOf(ctx).request(), Debt: in.ID,
		Amount: (*money.Minor)(b.AmountMinor), Reason: b.Reason,
		Render: func(d debt.Booking) (int, []byte) {
			return orWaits(http.StatusCreated, d.Waits, func() any { return debtOf(d.Debt, d.Currency) })
		}})
	return answered(ctx, a, out, err)
}

func (a *API) adjust(ctx context.Context, by access.Actor, _ *struct{}, b apiv1.NewAdjustment) (*sent, error) {
	out, err := a.c.Debts.Adjust(ctx, by, debt.Adjustment{Request: exchangeOf(ctx).request(), Account: b.Account, Amount: moneyOf(b.Amount),
		Reason: b.Reason,
		Render: func(d debt.Adjusted) (int, []byte) {
			if d.Waits != nil {
				return encodeWaits(*d.Waits)
			}
			return http.StatusCreated, encoded(apiv1.Adjustment{ID: d.Journal.Text(id.Journal), Account: d.Account.Text(id.Account),
				To: chartName(d.To.Code), Amount: amountOf(d.Amount), Reason: d.Reason, At: d.At.UTC()})
		}})
	return answered(ctx, a, out, err)
}
