package api

import (
	"cmp"
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
)

func (a *API) explain(ctx context.Context, by access.Actor, in *SalePath) (*reply[apiv1.Explanation], error) {
	e, err := a.c.Vending.Explain(ctx, by, in.ID)
	return replyOf(e.Refusal, err, func() apiv1.Explanation { return explainOf(a.say, e) })
}

func explainOf(say *words.Texts, e vending.Explained) apiv1.Explanation {
	s, split := e.Sale, e.Split
	b := apiv1.Explanation{Vend: s.ID.Text(id.Vend), Agrees: e.Agrees(), Differences: append([]string{}, explain.Differences(say, e)...),
		Tariff: apiv1.ExplainedTariff{Name: e.Tariff.Name, Version: e.Tariff.N, VersionID: e.Tariff.ID.Text(id.Version),
			VATBps: int64(e.Tariff.Body.VATBps), Rounding: string(cmp.Or(e.Tariff.Body.Rounding, tariff.Carry)),
			Since: at(e.Since), Former: e.Former},
		TenderMinor: int64(s.Tender.Minor), CarryInMinor: int64(s.CarryIn), Currency: s.Tender.Currency, Month: s.Month, MonthBeforeWh: int64(s.MonthBefore),
		Deductions: []apiv1.Deduction{}, EnergyMinor: int64(split.Energy), FreeWh: int64(split.Free), UnitsWh: int64(split.Units), Steps: []apiv1.Cost{},
		ExactCost: e.Exact, GrossMinor: int64(split.Gross), VATMinor: int64(split.VAT), NetMinor: int64(split.Net), Levies: []apiv1.ExplainedLevy{},
		CarryMinor: int64(split.CarryOut), Lines: linesOf(e.Lines), SumMinor: int64(e.Sum), Words: explain.Sale(say, e)}
	for _, d := range split.Deductions {
		b.Deductions = append(b.Deductions, deductionOf(d))
	}
	for _, c := range e.Costs {
		cost := apiv1.Cost{FromWh: int64(c.From), UnitsWh: int64(c.Units), RateMicro: int64(c.Rate), GrossPerKWh: c.Gross, Cost: c.Amount}
		for _, l := range c.Levies {
			cost.Levies = append(cost.Levies, apiv1.ExplainedLevy{Name: l.Levy.Name, RateMicro: int64(l.Rate), Untaxed: l.Levy.Untaxed})
		}
		b.Steps = append(b.Steps, cost)
	}
	for _, l := range split.Levies {
		b.Levies = append(b.Levies, apiv1.ExplainedLevy{Name: l.Levy.Name, Untaxed: l.Levy.Untaxed, AmountMinor: int64(l.Amount)})
	}
	return b
}

func deductionOf(d tariff.Deduction) apiv1.Deduction {
	out := apiv1.Deduction{Kind: string(d.Charge.Kind), Ref: d.Charge.Ref, GrossMinor: int64(d.Gross), VATMinor: int64(d.VAT), Because: []apiv1.Bound{}}
	if !d.Charge.Endless {
		out.LeftMinor = new(int64(d.Charge.Outstanding - d.Gross))
	}
	for _, bound := range d.Bounds {
		out.Because = append(out.Because, apiv1.Bound{Rule: string(bound.Rule), AmountMinor: int64(bound.Amount)})
	}
	return out
}
