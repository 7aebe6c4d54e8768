package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/vending"
)

// chargeBody is a fixed charge of one local month.
type chargeBody struct {
	ID          string    `json:"id" example:"chg_01jd00000000000000000000000"`
	Account     string    `json:"account"`
	Name        string    `json:"name" example:"standing" doc:"In its tariff"`
	Month       string    `json:"month" example:"2026-11"`
	Ref         string    `json:"ref" example:"standing 2026-11" doc:"As lines of sales name it"`
	Currency    string    `json:"currency"`
	AmountMinor int64     `json:"amount_minor" doc:"Tax included"`
	PaidMinor   int64     `json:"paid_minor"`
	VATBps      int64     `json:"vat_bps"`
	Priority    int       `json:"priority"`
	Uncapped    bool      `json:"uncapped,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
}

func chargeOf(d vending.Due, currency string) chargeBody {
	return chargeBody{ID: d.ID.Text(id.Charge), Account: d.Account.Text(id.Account), Name: d.Name, Month: d.Month, Ref: d.Ref(), Currency: currency,
		AmountMinor: int64(d.Gross), PaidMinor: int64(d.Paid), VATBps: int64(d.VATBps), Priority: d.Priority, Uncapped: !d.Capped,
		CreatedAt: d.CreatedAt.UTC()}
}

func (a *API) chargeRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "charges", Path: "/v1/charges", Tags: []string{"debts"}, Summary: "List fixed charges that fell due, newest first",
		Description: "They fall due on the 1st of the local month, the first and the last month by days, whether or not anything is bought; purchases pay the oldest first.",
	}, func(ctx context.Context, by access.Actor, in *OwingList) (*listed[chargeBody], error) {
		l, err := a.c.Vending.Charges(ctx, by, in.owing())
		if err != nil {
			return nil, err
		}
		if l.Refused() {
			return nil, refuse(l.Refusal)
		}
		return listOf(l.Dues, l.Next, func(d vending.Due) chargeBody { return chargeOf(d, l.Currency) }), nil
	})
}
