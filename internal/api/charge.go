package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
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

// newCharge is a charge to be made due by hand.
type newCharge struct {
	Account  string     `json:"account" example:"04140001001" doc:"Id of the account, or number or id of a meter that supplies it"`
	Name     string     `json:"name" example:"reconnection" doc:"1 to 32 small letters, digits and dashes; with month unique in the account"`
	Month    string     `json:"month" example:"2026-11"`
	Amount   amountBody `json:"amount" doc:"Tax included"`
	VATBps   int64      `json:"vat_bps,omitempty" doc:"Tax contained in the amount"`
	Priority int        `json:"priority,omitempty" doc:"1 to 89, ascending; default 20"`
	Uncapped bool       `json:"uncapped,omitempty" doc:"Outside the ceiling of what purchases give to charges"`
}

func (a *API) addCharge(ctx context.Context, by access.Actor, _ *struct{}, b newCharge) (*sent, error) {
	out, err := a.c.Vending.AddCharge(ctx, by, vending.NewCharge{Request: exchangeOf(ctx).request(), Account: b.Account, Name: b.Name,
		Month: b.Month, Amount: b.Amount.amount(), VATBps: money.Bps(clamp(b.VATBps)), Priority: b.Priority, Uncapped: b.Uncapped,
		Render: func(c vending.Charged) (int, []byte) { return http.StatusCreated, encoded(chargeOf(c.Due, c.Currency)) }})
	return answered(ctx, a, out, err)
}

func (a *API) chargeRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "add-charge", Path: "/v1/charges", DefaultStatus: http.StatusCreated, Tags: []string{"debts"}, Summary: "Make a charge due by hand",
		Description: "One that another system left open, or a fee for once. Those of the tariff fall due by themselves. Needs the header Idempotency-Key.",
		Parameters:  keyParam(),
		Responses: map[string]*huma.Response{
			"201": {Description: "Due.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[chargeBody](r)}}}},
	}, a.addCharge)
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
