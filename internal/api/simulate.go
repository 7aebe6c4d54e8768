package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// simulationRequest asks what a draft would change.
type simulationRequest struct {
	Tariff   string           `json:"tariff" example:"domestic" doc:"The present one, by name or id"`
	Draft    tariff.Document  `json:"draft"`
	Purchase *simulatedTender `json:"purchase,omitempty" doc:"Priced on both"`
	Usage    []simulatedUse   `json:"usage,omitempty" doc:"Consumption to replay"`
	From     string           `json:"from,omitempty" example:"2026-01" doc:"Where usage is not given: replay what was bought from this month on"`
	To       string           `json:"to,omitempty" example:"2026-06" doc:"Last month"`
	Rises    int              `json:"rises,omitempty" doc:"How many of the biggest rises are listed; default 10, at most 100"`
}

type simulatedTender struct {
	TenderMinor   int64 `json:"tender_minor"`
	MonthBeforeWh int64 `json:"month_before_wh,omitempty" doc:"Bought already in the month"`
	CarryInMinor  int64 `json:"carry_in_minor,omitempty"`
}

type simulatedUse struct {
	Meter   string `json:"meter"`
	Month   string `json:"month" example:"2026-01"`
	UnitsWh int64  `json:"units_wh"`
}

// simulationBody is what a draft would change.
type simulationBody struct {
	Tariff     string          `json:"tariff"`
	Version    int             `json:"version" doc:"The one in force, which the draft is compared with"`
	Currency   string          `json:"currency"`
	Words      []string        `json:"words" doc:"What the draft says, in sentences"`
	Purchase   *simulatedPair  `json:"purchase,omitempty"`
	Comparison *comparisonBody `json:"comparison,omitempty"`
}

type simulatedPair struct {
	Before simulatedSplit `json:"before"`
	After  simulatedSplit `json:"after"`
}

type simulatedSplit struct {
	Refused    string `json:"refused,omitempty" doc:"Why it would be refused"`
	UnitsWh    int64  `json:"units_wh"`
	FeeMinor   int64  `json:"fee_minor" doc:"With its tax"`
	NetMinor   int64  `json:"net_minor"`
	LevyMinor  int64  `json:"levy_minor"`
	VATMinor   int64  `json:"vat_minor" doc:"Of energy and its taxed levies"`
	CarryMinor int64  `json:"carry_minor"`
}

type comparisonBody struct {
	Meters             int        `json:"meters"`
	Months             int        `json:"months" doc:"Of all meters together"`
	UnitsWh            int64      `json:"units_wh"`
	Winners            int        `json:"winners" doc:"Meters that pay less"`
	Losers             int        `json:"losers"`
	Same               int        `json:"same"`
	PaidBeforeMinor    int64      `json:"paid_before_minor" doc:"By all customers, levies and tax among it"`
	PaidAfterMinor     int64      `json:"paid_after_minor"`
	RevenueBeforeMinor int64      `json:"revenue_before_minor" doc:"Without levies and tax"`
	RevenueAfterMinor  int64      `json:"revenue_after_minor"`
	CappedBefore       int        `json:"capped_before" doc:"Months whose charges hit the ceiling"`
	CappedAfter        int        `json:"capped_after"`
	CappedBeforeBps    int64      `json:"capped_before_bps" doc:"Share of the months"`
	CappedAfterBps     int64      `json:"capped_after_bps"`
	Rises              []riseBody `json:"rises" doc:"The biggest"`
}

type riseBody struct {
	Meter       string `json:"meter"`
	BeforeMinor int64  `json:"before_minor"`
	AfterMinor  int64  `json:"after_minor"`
	RiseMinor   int64  `json:"rise_minor"`
}

func (a *API) simulationRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "simulate-tariff", Path: "/v1/tariff-simulations", DefaultStatus: http.StatusOK, Tags: []string{"tariffs"},
		Summary: "Say what a draft of a tariff would change",
		Description: "Prices a purchase on the draft, and replays consumption on it, against the version in force. Consumption is given, or what " +
			"accounts on the tariff bought in the months from to to, which also needs the right vend.read. Nothing is kept.",
	}, a.simulate)
}

func (a *API) simulate(ctx context.Context, by access.Actor, _ *struct{}, body simulationRequest) (*struct{ Body simulationBody }, error) {
	draft, no := body.Draft.Body()
	if no.Refused() && by.May(access.ReadTariffs) {
		no.Not = "The simulation did not run."
		return nil, refuse(no)
	}
	s := registry.Simulation{Tariff: body.Tariff, Draft: draft, Rises: body.Rises, From: body.From, To: body.To}
	if p := body.Purchase; p != nil {
		s.Purchase = &tariff.Purchase{Tender: money.Minor(p.TenderMinor), Month: unit.Energy(p.MonthBeforeWh), Carry: money.Minor(p.CarryInMinor)}
	}
	for _, u := range body.Usage {
		s.Uses = append(s.Uses, tariff.MonthUse{Meter: u.Meter, Month: u.Month, Units: unit.Energy(u.UnitsWh)})
	}
	out, err := a.c.Registry.Simulate(ctx, by, s)
	if err != nil {
		return nil, err
	}
	if out.Refused() {
		return nil, refuse(out.Refusal)
	}
	b := simulationBody{Tariff: out.Present.Name, Version: out.Present.N, Currency: out.Currency.Code, Words: draft.Words()}
	if out.Now != nil {
		b.Purchase = &simulatedPair{Before: splitOf(*out.Now), After: splitOf(*out.Draft)}
	}
	if out.Comparison != nil {
		b.Comparison = comparisonOf(*out.Comparison)
	}
	return &struct{ Body simulationBody }{b}, nil
}

func splitOf(a tariff.Allocation) simulatedSplit {
	out := simulatedSplit{Refused: a.What, UnitsWh: int64(a.Units), NetMinor: int64(a.Net), VATMinor: int64(a.VAT), CarryMinor: int64(a.CarryOut)}
	for _, d := range a.Deductions {
		out.FeeMinor += int64(d.Gross)
	}
	for _, l := range a.Levies {
		out.LevyMinor += int64(l.Amount)
	}
	return out
}

func comparisonOf(c tariff.Comparison) *comparisonBody {
	share := func(n int) int64 { return int64(n) * int64(money.Whole) / int64(max(c.Months, 1)) }
	b := &comparisonBody{Meters: c.Meters, Months: c.Months, UnitsWh: int64(c.Units), Winners: c.Winners, Losers: c.Losers, Same: c.Same,
		PaidBeforeMinor: int64(c.Before.Paid), PaidAfterMinor: int64(c.After.Paid), RevenueBeforeMinor: int64(c.Before.Revenue),
		RevenueAfterMinor: int64(c.After.Revenue), CappedBefore: c.CappedBefore, CappedAfter: c.CappedAfter,
		CappedBeforeBps: share(c.CappedBefore), CappedAfterBps: share(c.CappedAfter), Rises: []riseBody{}}
	for _, r := range c.Rises {
		b.Rises = append(b.Rises, riseBody{Meter: r.Meter, BeforeMinor: int64(r.Before), AfterMinor: int64(r.After), RiseMinor: int64(r.Rise())})
	}
	return b
}
