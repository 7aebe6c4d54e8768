package api

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
)

// explainBody is a sale with every figure derived again.
type explainBody struct {
	Vend          string          `json:"vend" example:"vnd_01jd00000000000000000000000"`
	Agrees        bool            `json:"agrees" doc:"Whether the stored sale is exactly what is derived"`
	Differences   []string        `json:"differences" doc:"Where it is not"`
	Tariff        explainTariff   `json:"tariff"`
	TenderMinor   int64           `json:"tender_minor"`
	CarryInMinor  int64           `json:"carry_in_minor"`
	Currency      string          `json:"currency" example:"KES"`
	Month         string          `json:"month" example:"2026-11" doc:"Local month it was priced in"`
	MonthBeforeWh int64           `json:"month_before_wh" doc:"Place in the month's blocks before"`
	Deductions    []deductionBody `json:"deductions"`
	EnergyMinor   int64           `json:"energy_minor" doc:"What was left for energy, what was carried in among it"`
	FreeWh        int64           `json:"free_wh"`
	UnitsWh       int64           `json:"units_wh" doc:"Bought"`
	Steps         []costBody      `json:"steps"`
	ExactCost     string          `json:"exact_cost" doc:"Of all steps, before any rounding, in the major unit"`
	GrossMinor    int64           `json:"gross_minor" doc:"exact_cost rounded half up, or all that was left, as the tariff's rounding says"`
	VATMinor      int64           `json:"vat_minor" doc:"Contained in gross_minor, rounded half up"`
	NetMinor      int64           `json:"net_minor" doc:"gross_minor without tax and levies"`
	Levies        []levyBody      `json:"levies"`
	CarryMinor    int64           `json:"carry_minor" doc:"energy_minor less gross_minor"`
	Lines         []lineBody      `json:"lines" doc:"As they are derived; the stored ones are the same where agrees is true"`
	SumMinor      int64           `json:"sum_minor" doc:"Of the lines: the tender"`
	Words         []string        `json:"words" doc:"All of this in sentences, for the customer"`
}

type explainTariff struct {
	Name      string `json:"name"`
	Version   int    `json:"version"`
	VersionID string `json:"version_id"`
	VATBps    int64  `json:"vat_bps"`
	Rounding  string `json:"rounding"`
}

type deductionBody struct {
	Kind       string      `json:"kind" enum:"fee,fixed,debt"`
	Ref        string      `json:"ref,omitempty"`
	GrossMinor int64       `json:"gross_minor"`
	VATMinor   int64       `json:"vat_minor"`
	LeftMinor  *int64      `json:"left_minor,omitempty" doc:"Still to be paid of it, tax included"`
	Because    []boundBody `json:"because" doc:"The rules that decided, in their order, each with the amount after it"`
}

type boundBody struct {
	Rule        string `json:"rule" example:"percent_of_tender"`
	AmountMinor int64  `json:"amount_minor"`
}

type costBody struct {
	FromWh      int64      `json:"from_wh" doc:"The month's position before the step"`
	UnitsWh     int64      `json:"units_wh"`
	RateMicro   int64      `json:"rate_micro"`
	Levies      []levyBody `json:"levies,omitempty"`
	GrossPerKWh string     `json:"gross_per_kwh" example:"2.875" doc:"With levies and tax, exact"`
	Cost        string     `json:"cost" doc:"units times gross_per_kwh, exact"`
}

type levyBody struct {
	Name        string `json:"name"`
	RateMicro   int64  `json:"rate_micro,omitempty"`
	Untaxed     bool   `json:"untaxed,omitempty"`
	AmountMinor int64  `json:"amount_minor,omitempty"`
}

func (a *API) explain(ctx context.Context, by access.Actor, in *SalePath) (*struct{ Body explainBody }, error) {
	e, err := a.c.Vending.Explain(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	if e.Refused() {
		return nil, refuse(e.Refusal)
	}
	return &struct{ Body explainBody }{explainOf(e)}, nil
}

func explainOf(e vending.Explained) explainBody {
	s, split := e.Sale, e.Split
	rounding := e.Tariff.Body.Rounding
	if rounding == "" {
		rounding = tariff.Carry
	}
	b := explainBody{Vend: s.ID.Text(id.Vend), Agrees: e.Agrees(), Differences: append([]string{}, e.Differences...),
		Tariff: explainTariff{Name: e.Tariff.Name, Version: e.Tariff.N, VersionID: e.Tariff.ID.Text(id.Version),
			VATBps: int64(e.Tariff.Body.VATBps), Rounding: string(rounding)},
		TenderMinor: int64(s.Tender.Minor), CarryInMinor: int64(s.CarryIn), Currency: s.Tender.Currency, Month: s.Month, MonthBeforeWh: int64(s.MonthBefore),
		Deductions: []deductionBody{}, EnergyMinor: int64(split.Energy), FreeWh: int64(split.Free), UnitsWh: int64(split.Units), Steps: []costBody{},
		ExactCost: e.Exact, GrossMinor: int64(split.Gross), VATMinor: int64(split.VAT), NetMinor: int64(split.Net), Levies: []levyBody{},
		CarryMinor: int64(split.CarryOut), Lines: linesOf(e.Lines), SumMinor: int64(e.Sum), Words: e.Words()}
	for _, d := range split.Deductions {
		b.Deductions = append(b.Deductions, deductionOf(d))
	}
	for _, c := range e.Costs {
		cost := costBody{FromWh: int64(c.From), UnitsWh: int64(c.Units), RateMicro: int64(c.Rate), GrossPerKWh: c.Gross, Cost: c.Amount}
		for _, l := range c.Levies {
			cost.Levies = append(cost.Levies, levyBody{Name: l.Levy.Name, RateMicro: int64(l.Rate), Untaxed: l.Levy.Untaxed})
		}
		b.Steps = append(b.Steps, cost)
	}
	for _, l := range split.Levies {
		b.Levies = append(b.Levies, levyBody{Name: l.Levy.Name, Untaxed: l.Levy.Untaxed, AmountMinor: int64(l.Amount)})
	}
	return b
}

func deductionOf(d tariff.Deduction) deductionBody {
	out := deductionBody{Kind: string(d.Charge.Kind), Ref: d.Charge.Ref, GrossMinor: int64(d.Gross), VATMinor: int64(d.VAT), Because: []boundBody{}}
	if !d.Charge.Endless {
		left := int64(d.Charge.Outstanding - d.Gross)
		out.LeftMinor = &left
	}
	for _, bound := range d.Bounds {
		out.Because = append(out.Because, boundBody{Rule: string(bound.Rule), AmountMinor: int64(bound.Amount)})
	}
	return out
}
