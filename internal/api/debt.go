package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
)

// newDebt is a debt to be raised.
type newDebt struct {
	Account       string     `json:"account" example:"04140001001" doc:"Id of the account, or number or id of a meter that supplies it"`
	Kind          string     `json:"kind" example:"fine" doc:"fine, loan, arrears ...: 1 to 32 characters; receipts show it"`
	Memo          string     `json:"memo,omitempty"`
	Amount        amountBody `json:"amount"`
	Mode          string     `json:"mode,omitempty" enum:"percent,fixed,full" doc:"How much a purchase pays; default full"`
	PercentBps    int64      `json:"percent_bps,omitempty" doc:"Mode percent: of what is tendered, 2000 is 20 %"`
	FixedMinor    int64      `json:"fixed_minor,omitempty" doc:"Mode fixed: of every purchase"`
	MinMinor      int64      `json:"min_minor,omitempty" doc:"Asked at least of a purchase"`
	MaxMinor      int64      `json:"max_minor,omitempty" doc:"Asked at most of one"`
	MonthCapMinor int64      `json:"month_cap_minor,omitempty" doc:"Taken at most in a local month"`
	Priority      int        `json:"priority,omitempty" doc:"1 to 89, ascending; default 30, behind fixed charges (20). Equal ones: the older first"`
	Uncapped      bool       `json:"uncapped,omitempty" doc:"Outside the ceiling of what purchases give to charges"`
	Against       string     `json:"against,omitempty" enum:"opening,fees,services,fixed,energy" doc:"What is credited; default opening, for arrears that are brought in"`
}

// debtBody is a debt.
type debtBody struct {
	ID               string    `json:"id" example:"dbt_01jd00000000000000000000000"`
	Account          string    `json:"account"`
	Kind             string    `json:"kind"`
	Memo             string    `json:"memo,omitempty"`
	Currency         string    `json:"currency"`
	PrincipalMinor   int64     `json:"principal_minor"`
	OutstandingMinor int64     `json:"outstanding_minor" doc:"Never negative; with what open sales have reserved it is the balance of its ledger account"`
	Mode             string    `json:"mode" enum:"percent,fixed,full"`
	PercentBps       int64     `json:"percent_bps,omitempty"`
	FixedMinor       int64     `json:"fixed_minor,omitempty"`
	MinMinor         int64     `json:"min_minor,omitempty"`
	MaxMinor         int64     `json:"max_minor,omitempty"`
	MonthCapMinor    int64     `json:"month_cap_minor,omitempty"`
	Priority         int       `json:"priority"`
	Uncapped         bool      `json:"uncapped,omitempty"`
	Against          string    `json:"against"`
	Status           string    `json:"status" enum:"open,paid,written_off"`
	CreatedAt        time.Time `json:"created_at"`
}

func debtOf(d vending.Debt, currency string) debtBody {
	b := debtBody{ID: d.Name(), Account: d.Account.Text(id.Account), Kind: d.Kind, Memo: d.Memo, Currency: currency,
		PrincipalMinor: int64(d.Principal), OutstandingMinor: int64(d.Outstanding), Mode: string(d.Mode), MinMinor: int64(d.Min),
		MaxMinor: int64(d.Max), MonthCapMinor: int64(d.MonthCap), Priority: d.Priority, Uncapped: !d.Capped, Against: d.Against,
		Status: d.Status, CreatedAt: d.CreatedAt.UTC()}
	switch d.Mode {
	case tariff.Percent:
		b.PercentBps = d.Value
	case tariff.Amount:
		b.FixedMinor = d.Value
	}
	return b
}

// writeOffBody is a debt, or a part of it, that nobody expects any more.
type writeOffBody struct {
	AmountMinor *int64 `json:"amount_minor,omitempty" doc:"Default: all that is outstanding; 0 is refused"`
	Reason      string `json:"reason"`
}

// newAdjustment is money given to a customer out of goodwill.
type newAdjustment struct {
	Account string     `json:"account" example:"04140001001" doc:"Id of the account, or number or id of a meter that supplies it"`
	Amount  amountBody `json:"amount"`
	Reason  string     `json:"reason"`
}

// adjustmentBody is a booked adjustment.
type adjustmentBody struct {
	ID      string     `json:"id" doc:"Of its journal"`
	Account string     `json:"account"`
	To      string     `json:"to" enum:"wallet,carry" doc:"carry: the next purchase of a token meter has it"`
	Amount  amountBody `json:"amount"`
	Reason  string     `json:"reason"`
	At      time.Time  `json:"at"`
}

// encoded writes an answer that is stored with what it tells of.
func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // strings, integers and times within years 0 to 9999
	}
	return append(b, '\n')
}

// OwingList asks for debts or charges.
type OwingList struct {
	Account string `query:"account" maxLength:"64" doc:"Id of the account, or number or id of a meter that supplies it"`
	Open    bool   `query:"open" doc:"true: only what is not paid"`
	Page
}

func (in *OwingList) owing() vending.Owing {
	return vending.Owing{Account: in.Account, Open: in.Open, Page: registry.Page{Limit: in.Limit, Cursor: in.Cursor}}
}

// DebtPath is the debt that a path names.
type DebtPath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id"`
}

// booked adds the 202 "awaiting approval" response to the responses of a sensitive action.
func booked(done map[string]*huma.Response, waits *huma.Response) map[string]*huma.Response {
	out := maps.Clone(done)
	out["202"] = waits
	return out
}

func (a *API) debtRoutes(r router) {
	waits := &huma.Response{Description: "It waits for a second person.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[approvalBody](r)}}}
	debt := map[string]*huma.Response{"201": {Description: "Booked.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[debtBody](r)}}}}
	order(r, huma.Operation{
		OperationID: "raise-debt", Path: "/v1/debts", DefaultStatus: http.StatusCreated, Tags: []string{"debts"}, Summary: "Raise a debt",
		Description: "Purchases of the account collect it. Needs the header Idempotency-Key.", Parameters: keyParam(), Responses: debt,
	}, a.addDebt)
	query(r, huma.Operation{OperationID: "debts", Path: "/v1/debts", Tags: []string{"debts"}, Summary: "List debts, newest first"}, a.debts)
	order(r, huma.Operation{
		OperationID: "write-off-debt", Path: "/v1/debts/{id}/write-off", DefaultStatus: http.StatusCreated, Tags: []string{"debts"},
		Summary: "Write a debt off, or a part of it", Parameters: keyParam(), Responses: booked(debt, waits),
		Description: "Needs the header Idempotency-Key. Where four eyes bind it waits for a second person: 202 with the approval.",
	}, a.writeOff)
	order(r, huma.Operation{
		OperationID: "adjust", Path: "/v1/adjustments", DefaultStatus: http.StatusCreated, Tags: []string{"debts"},
		Summary: "Give a customer money out of goodwill", Parameters: keyParam(), Responses: booked(map[string]*huma.Response{
			"201": {Description: "Booked.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[adjustmentBody](r)}}}}, waits),
		Description: "Needs the header Idempotency-Key. Where four eyes bind it waits for a second person: 202 with the approval.",
	}, a.adjust)
}

func (a *API) addDebt(ctx context.Context, by access.Actor, _ *struct{}, b newDebt) (*sent, error) {
	value := b.FixedMinor
	if b.Mode == string(tariff.Percent) {
		value = b.PercentBps
	}
	out, err := a.c.Vending.AddDebt(ctx, by, vending.NewDebt{Request: exchangeOf(ctx).request(), Account: b.Account, Kind: b.Kind, Memo: b.Memo,
		Amount: b.Amount.amount(), Mode: tariff.ChargeMode(b.Mode), Value: value, Min: money.Minor(b.MinMinor), Max: money.Minor(b.MaxMinor),
		MonthCap: money.Minor(b.MonthCapMinor), Priority: b.Priority, Uncapped: b.Uncapped, Against: b.Against,
		Render: func(d vending.Booking) (int, []byte) { return http.StatusCreated, encoded(debtOf(d.Debt, d.Currency)) }})
	return answered(ctx, a, out, err)
}

func (a *API) debts(ctx context.Context, by access.Actor, in *OwingList) (*listed[debtBody], error) {
	l, err := a.c.Vending.Debts(ctx, by, in.owing())
	if err != nil {
		return nil, err
	}
	if l.Refused() {
		return nil, refuse(l.Refusal)
	}
	return listOf(l.Debts, l.Next, func(d vending.Debt) debtBody { return debtOf(d, l.Currency) }), nil
}

func (a *API) writeOff(ctx context.Context, by access.Actor, in *DebtPath, b writeOffBody) (*sent, error) {
	out, err := a.c.Vending.WriteOffDebt(ctx, by, vending.WriteOff{Request: exchangeOf(ctx).request(), Debt: in.ID,
		Amount: (*money.Minor)(b.AmountMinor), Reason: b.Reason,
		Render: func(d vending.Booking) (int, []byte) {
			if d.Waits != nil {
				return http.StatusAccepted, encoded(approvalOf(*d.Waits))
			}
			return http.StatusCreated, encoded(debtOf(d.Debt, d.Currency))
		}})
	return answered(ctx, a, out, err)
}

func (a *API) adjust(ctx context.Context, by access.Actor, _ *struct{}, b newAdjustment) (*sent, error) {
	out, err := a.c.Vending.Adjust(ctx, by, vending.Adjustment{Request: exchangeOf(ctx).request(), Account: b.Account, Amount: b.Amount.amount(),
		Reason: b.Reason,
		Render: func(d vending.Adjusted) (int, []byte) {
			if d.Waits != nil {
				return http.StatusAccepted, encoded(approvalOf(*d.Waits))
			}
			return http.StatusCreated, encoded(adjustmentBody{ID: d.Journal.Text(id.Journal), Account: d.Account.Text(id.Account),
				To: chartName(d.To.Code), Amount: amountOf(d.Amount), Reason: d.Reason, At: d.At.UTC()})
		}})
	return answered(ctx, a, out, err)
}
