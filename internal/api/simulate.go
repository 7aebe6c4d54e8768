package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/unit"
)

func (a *API) simulationRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "simulate-tariff", Path: "/v1/tariff-simulations", DefaultStatus: http.StatusOK, Tags: []string{"tariffs"},
		Summary: "Compare a draft of a tariff with the version in force",
		Description: "Prices a purchase and replays consumption on both. Consumption is either usage, or what accounts on the tariff bought in the months " +
			"between from and to, which also needs the right vend.read. The draft and the result are not stored.",
	}, a.simulate)
}

func (a *API) simulate(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.Simulation) (*reply[apiv1.SimulationResult], error) {
	draft, no := tariff.Document(body.Draft).Body()
	if no.Refused() && by.May(access.ReadTariffs) {
		return nil, problemOf(refuse.SimulationNotRun(no))
	}
	s := registry.Simulation{Tariff: body.Tariff, Draft: draft, Rises: body.Rises, From: body.From, To: body.To}
	if p := body.Purchase; p != nil {
		s.Purchase = &tariff.Purchase{Tender: money.Minor(p.TenderMinor), Month: unit.Energy(p.MonthBeforeWh), Carry: money.Minor(p.CarryInMinor)}
	}
	for _, u := range body.Usage {
		s.Uses = append(s.Uses, tariff.MonthUse{Meter: u.Meter, Month: u.Month, Units: unit.Energy(u.UnitsWh)})
	}
	out, err := a.c.Registry.Simulate(ctx, by, s)
	return replyOf(out.Refusal, err, func() apiv1.SimulationResult { return simulationOf(a.say, out, draft) })
}

func simulationOf(say *words.Texts, out registry.Simulated, draft tariff.Body) apiv1.SimulationResult {
	b := apiv1.SimulationResult{Tariff: out.Present.Name, Version: out.Present.N, Currency: out.Currency.Code, Words: explain.Tariff(say, draft)}
	if out.Now != nil {
		b.Purchase = &apiv1.SimulatedPair{Before: splitOf(*out.Now), After: splitOf(*out.Draft)}
	}
	if out.Comparison != nil {
		b.Comparison = new(out.Comparison.Body())
	}
	return b
}

func splitOf(a tariff.Allocation) apiv1.SimulatedSplit {
	out := apiv1.SimulatedSplit{Refused: a.What, UnitsWh: int64(a.Units), NetMinor: int64(a.Net), VATMinor: int64(a.VAT), CarryMinor: int64(a.CarryOut)}
	for _, d := range a.Deductions {
		out.FeeMinor += int64(d.Gross)
	}
	for _, l := range a.Levies {
		out.LevyMinor += int64(l.Amount)
	}
	return out
}
