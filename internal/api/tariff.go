package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
)

// TariffPath is the tariff in a path.
type TariffPath struct {
	Tariff string `path:"tariff" maxLength:"128" doc:"Name or id of the tariff"`
}

// clamp limits a number to what the narrower type can hold. The limits lie outside every valid range, so a rule still refuses the number.
func clamp(n int64) int64 {
	const far = 1 << 30
	return min(max(n, -far), far)
}

func (a *API) tariffOf(v tariff.Version) apiv1.Tariff {
	return apiv1.Tariff{ID: v.TariffID.Text(id.Tariff), VersionID: v.ID.Text(id.Version), Name: v.Name, Version: v.N,
		Price: apiv1.Price(v.Body.Document()), EffectiveFrom: v.EffectiveFrom.UTC(), Withdraws: v.Withdraws, Words: explain.Version(a.say, v)}
}

func (a *API) tariffRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "publish-tariff", Path: "/v1/tariffs", DefaultStatus: http.StatusCreated, Tags: []string{"tariffs"},
		Summary: "Publish a tariff", Description: "A published tariff is never edited. The first one sets the currency of the utility.",
		Responses: publishedResponses(r),
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewTariff) (*sent, error) {
		price, no := tariff.Document(body.Price).Body()
		// Without the right to publish, the answer does not say what is wrong with the tariff.
		if no.Refused() && by.May(access.WriteTariffs) {
			return nil, problemOf(no)
		}
		n := registry.NewTariff{Name: body.Name, Body: price}
		if body.EffectiveFrom != nil {
			n.EffectiveFrom = *body.EffectiveFrom
		}
		added, err := a.c.Registry.AddTariff(ctx, by, n)
		return doneOrWaits(http.StatusCreated, added.Refusal, added.Waits, err, func() any { return a.tariffOf(added.Version) })
	})
	listRoute(r, apiv1.Tariffs, func(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.Tariff], error) {
		page, err := a.c.Registry.Tariffs(ctx, by, pageAt(*in))
		return pageOf(page.Refusal, err, page.Data, page.Next, a.tariffOf)
	})
	a.versionRoutes(r)
	a.simulationRoutes(r)
}

// publishedResponses are the answers to publishing: done, or stored for a second person.
func publishedResponses(r router) map[string]*huma.Response {
	return map[string]*huma.Response{
		"201": bodyOf[apiv1.Tariff](r, "Published."),
		"202": bodyOf[apiv1.Approval](r, "Waits for a second person.")}
}

func (a *API) versionRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "publish-tariff-version", Path: "/v1/tariffs/{tariff}/versions", DefaultStatus: http.StatusCreated, Tags: []string{"tariffs"},
		Summary: "Publish a new version of a tariff",
		Description: "It is in force from effective_from until the next version begins. A published version never changes. " +
			"A version that has not begun can be replaced by another one. One that has begun can be replaced by one with smaller fixed charges, " +
			"which corrects them: what was charged becomes smaller, and what was paid too much goes back to the customers within minutes.",
		Responses: publishedResponses(r),
	}, func(ctx context.Context, by access.Actor, in *TariffPath, body apiv1.NewTariffVersion) (*sent, error) {
		price, no := tariff.Document(body.Price).Body()
		if no.Refused() && by.May(access.WriteTariffs) {
			return nil, problemOf(no)
		}
		n := registry.NewVersion{Tariff: in.Tariff, Body: price, Replaces: int(clamp(int64(body.Replaces)))}
		if body.EffectiveFrom != nil {
			n.EffectiveFrom = *body.EffectiveFrom
		}
		added, err := a.c.Registry.AddVersion(ctx, by, n)
		return doneOrWaits(http.StatusCreated, added.Refusal, added.Waits, err, func() any { return a.tariffOf(added.Version) })
	})
	order(r, huma.Operation{
		OperationID: "plan-tariff-correction", Path: "/v1/tariffs/{tariff}/versions/plan", DefaultStatus: http.StatusOK, Tags: []string{"tariffs"},
		Summary: "Say what a correction of a version that has begun would do",
		Description: "Makes every check of a version with replaces, and answers with what customers would owe less and get back. It publishes nothing " +
			"and changes nothing.",
	}, a.planTariffCorrection)
	order(r, huma.Operation{
		OperationID: "withdraw-tariff-version", Path: "/v1/tariffs/{tariff}/withdrawals", DefaultStatus: http.StatusCreated, Tags: []string{"tariffs"},
		Summary: "Withdraw a version of a tariff that has not begun",
		Description: "The version never begins: whatever price holds before its moment goes on. A version that says so is published, with a number of " +
			"its own. Both stay in the list. Another version may be published for the same moment.",
		Responses: publishedResponses(r),
	}, func(ctx context.Context, by access.Actor, in *TariffPath, body apiv1.TariffWithdrawal) (*sent, error) {
		n := registry.NewVersion{Tariff: in.Tariff, Replaces: int(clamp(int64(body.Version))), Withdraws: true,
			Reason: body.Reason}
		added, err := a.c.Registry.AddVersion(ctx, by, n)
		return doneOrWaits(http.StatusCreated, added.Refusal, added.Waits, err, func() any { return a.tariffOf(added.Version) })
	})
	listRoute(r, apiv1.TariffVersions, func(ctx context.Context, by access.Actor, in *apiv1.TariffFilter) (*listed[apiv1.Tariff], error) {
		page, err := a.c.Registry.TariffVersions(ctx, by, in.Tariff, pageAt(in.Page))
		return pageOf(page.Refusal, err, page.Data, page.Next, func(v tariff.Version) apiv1.Tariff {
			b := a.tariffOf(v)
			b.Standing = page.Standing(v)
			return b
		})
	})
}

func (a *API) planTariffCorrection(ctx context.Context, by access.Actor, in *TariffPath, body apiv1.NewTariffVersion) (*reply[apiv1.TariffCorrectionPlan], error) {
	price, no := tariff.Document(body.Price).Body()
	if no.Refused() && by.May(access.WriteTariffs) {
		return nil, problemOf(no)
	}
	c, err := a.c.Registry.CheckCorrection(ctx, by, registry.NewVersion{Tariff: in.Tariff, Body: price, Replaces: int(clamp(int64(body.Replaces)))})
	if err != nil || c.Refused() {
		return replyOf(c.Refusal, err, func() apiv1.TariffCorrectionPlan { return apiv1.TariffCorrectionPlan{} })
	}
	p, err := a.c.Debts.PlanCorrection(ctx, by, debt.Correction{Version: c.Version, Earlier: c.Earlier})
	return replyOf(refusal.Refusal{}, err, func() apiv1.TariffCorrectionPlan {
		return apiv1.TariffCorrectionPlan{Accounts: p.Accounts, More: p.More, Changed: p.Changed, Waiting: p.Waiting, LessMinor: int64(p.Less),
			BackMinor: int64(p.Back), Currency: c.Version.Body.Currency}
	})
}
