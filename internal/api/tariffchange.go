package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

func (a *API) tariffChangeRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "plan-tariff-change", Path: "/v1/meters/{meter}/tariff/plan", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary:     "Say what another tariff would do",
		Description: "Makes every check of a change, compares the next purchase and a usual month on both tariffs, and changes nothing.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewTariffChange) (*reply[apiv1.TariffChange], error) {
		plan, err := a.c.Registry.PlanTariffChange(ctx, by, in.Meter, changingTariff(body))
		return replyOf(plan.Refusal, err, func() apiv1.TariffChange { return tariffPlanOf(plan) })
	})
	order(r, huma.Operation{
		OperationID: "change-tariff", Path: "/v1/meters/{meter}/tariff", DefaultStatus: http.StatusCreated, Tags: []string{"meters"},
		Summary: "Change the tariff of a meter",
		Description: "Prices the account of the meter by another tariff, at once or from a moment that has not come, or takes back such a change " +
			"before it begins. Sales and readings from before keep their price. What was bought or used in the running month counts in the blocks " +
			"of the other tariff, and the monthly charges of a token meter change with the next month. If the change makes something cheaper and " +
			"a second person must approve it, the answer is 202 with the approval.",
		Responses: eitherOr(r, "201", of[apiv1.TariffChange](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewTariffChange) (*sent, error) {
		done, err := a.c.Registry.ChangeTariff(ctx, by, in.Meter, changingTariff(body))
		return doneOrWaits(http.StatusCreated, done.Refusal, done.Waits, err, func() any { return tariffChangeOf(done) })
	})
	listRoute(r, apiv1.AccountTariffs, func(ctx context.Context, by access.Actor, in *apiv1.AccountTariffFilter) (*listed[apiv1.AccountTariff], error) {
		page, err := a.c.Registry.AccountTariffs(ctx, by, in.Meter, pageAt(in.Page))
		return pageOf(page.Refusal, err, page.Data, page.Next, accountTariffOf)
	})
}

func changingTariff(b apiv1.NewTariffChange) registry.ChangingTariff {
	c := registry.ChangingTariff{Tariff: b.Tariff, Withdraw: b.Withdraw, Reason: b.Reason}
	if b.From != nil {
		c.From = *b.From
	}
	return c
}

func tariffPlanOf(p registry.TariffPlan) apiv1.TariffChange {
	b := apiv1.TariffChange{Meter: p.Meter.Number, Account: p.Account.Text(id.Account), Before: p.Before.Name, After: p.After.Name,
		From: p.From.UTC(), Withdraws: p.Withdraws, SecondPerson: !p.Alone, Currency: p.Currency,
		PaysMinor: int64(p.Use.Pays), MonthWh: int64(p.Use.Month),
		MonthBefore: int64(p.Preview.Before.UsualMonth), MonthAfter: int64(p.Preview.After.UsualMonth)}
	if p.Use.Pays > 0 {
		b.BuysBeforeWh, b.BuysAfterWh = boughtOf(p.Preview.Before.Buys), boughtOf(p.Preview.After.Buys)
	}
	return b
}

// boughtOf is nil where energy itself costs nothing.
func boughtOf(e unit.Energy) *int64 {
	if e >= tariff.MaxUpTo {
		return nil
	}
	return new(int64(e))
}

func tariffChangeOf(c registry.ChangedTariff) apiv1.TariffChange {
	b := tariffPlanOf(c.TariffPlan)
	b.ID, b.Reason, b.By = c.Change.ID.Text(id.TariffChange), c.Change.Reason, c.Change.By
	return b
}

func accountTariffOf(t registry.AccountTariff) apiv1.AccountTariff {
	b := apiv1.AccountTariff{N: t.N, Tariff: t.Name, From: t.From.UTC(), State: string(t.State), WithdrawnBy: t.WithdrawnBy, Reason: t.Reason,
		By: t.By, At: t.At.UTC()}
	if t.N > 0 {
		b.ID = t.ID.Text(id.TariffChange)
	}
	return b
}
