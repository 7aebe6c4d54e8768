package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// dayBody is the report of one local day.
type dayBody struct {
	Date           string            `json:"date" example:"2026-11-20"`
	TZ             string            `json:"tz"`
	Currency       string            `json:"currency"`
	Sales          int64             `json:"sales"`
	TenderedMinor  int64             `json:"tendered_minor"`
	UnitsWh        int64             `json:"units_wh"`
	Reversals      int64             `json:"reversals"`
	GivenBackMinor int64             `json:"given_back_minor"`
	UnitsBackWh    int64             `json:"units_back_wh"`
	FreeTokens     int64             `json:"free_tokens" doc:"Replacements and free issues"`
	UnitsFreeWh    int64             `json:"units_free_wh"`
	SinglePerson   []actBody         `json:"single_person" doc:"Sensitive actions that one person did alone, at most 500"`
	Unconfirmed    []unconfirmedBody `json:"unconfirmed_reversals" doc:"Reversals of the day that gave money back although the meter has not yet confirmed that it will never load the tokens, at most 500"`
	Head           string            `json:"head" doc:"The newest signed head of the log; keep it elsewhere and give it to paywatt verify"`
}

// actBody is an act that one person did alone.
type actBody struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Object string    `json:"object"`
	After  string    `json:"after"`
	Reason string    `json:"reason,omitempty"`
}

// unconfirmedBody is a reversal that the meter has not confirmed.
type unconfirmedBody struct {
	At         time.Time  `json:"at"`
	Vend       string     `json:"vend" example:"vnd_01jd00000000000000000000000"`
	Meter      string     `json:"meter"`
	Vendor     string     `json:"vendor,omitempty" doc:"The vendor that made the sale; missing if the utility made it"`
	Amount     amountBody `json:"amount"`
	SoldBy     string     `json:"sold_by"`
	By         string     `json:"by" doc:"Who asked for the reversal"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Used       bool       `json:"used" doc:"The meter used a token of the sale after all; its value became a debt"`
}

func (a *API) dayRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "daily-report", Path: "/v1/reports/daily", Tags: []string{"reports"}, Summary: "Report a day: sales, reversals, acts of one person, the head of the log",
	}, func(ctx context.Context, by access.Actor, in *struct {
		Date string `query:"date" maxLength:"10" doc:"Local date, 2026-11-20; default today"`
	}) (*struct{ Body dayBody }, error) {
		d, err := a.c.Reports.Day(ctx, by, in.Date, a.c.Now())
		if err != nil {
			return nil, err
		}
		if d.Refused() {
			return nil, refuse(d.Refusal)
		}
		b := dayBody{Date: d.Date, TZ: d.Zone, Currency: d.Currency, Sales: d.Sums.Sales, TenderedMinor: int64(d.Sums.Tendered), UnitsWh: int64(d.Sums.Units),
			Reversals: d.Sums.Reversals, GivenBackMinor: int64(d.Sums.GivenBack), UnitsBackWh: int64(d.Sums.UnitsBack), FreeTokens: d.Sums.Free,
			UnitsFreeWh: int64(d.Sums.UnitsFree), SinglePerson: []actBody{}, Unconfirmed: []unconfirmedBody{}, Head: d.Head}
		for _, u := range d.Unconfirmed {
			b.Unconfirmed = append(b.Unconfirmed, unconfirmedBody{u.At.UTC(), u.Sale.Text(id.Vend), u.Meter, u.Vendor, amountOf(u.Tender), u.SoldBy, u.By, u.ApprovedBy, u.Reason, u.Used})
		}
		for _, e := range d.Alone {
			b.SinglePerson = append(b.SinglePerson, actBody{e.At.UTC(), e.Actor, e.Action, e.Object, e.After, e.Reason})
		}
		return &struct{ Body dayBody }{b}, nil
	})
}
