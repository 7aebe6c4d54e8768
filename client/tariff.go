package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// CreateTariff publishes a tariff (right: tariff.write).
func (c *Client) CreateTariff(ctx context.Context, t apiv1.NewTariff) (apiv1.Tariff, error) {
	return ask[apiv1.Tariff](ctx, c, post("/v1/tariffs", t))
}

// Tariffs lists the tariffs in force.
func (c *Client) Tariffs(ctx context.Context, p apiv1.Page) (apiv1.List[apiv1.Tariff], error) {
	return list(ctx, c, apiv1.Tariffs, p)
}

// CreateTariffVersion publishes a further version of a tariff, named by name or id (right: tariff.write).
func (c *Client) CreateTariffVersion(ctx context.Context, tariff string, v apiv1.NewTariffVersion) (apiv1.Tariff, error) {
	return ask[apiv1.Tariff](ctx, c, post("/v1/tariffs/"+url.PathEscape(tariff)+"/versions", v))
}

// PlanTariffCorrection says what a version with Replaces would do if that version has begun (right: tariff.write). Nothing is published.
func (c *Client) PlanTariffCorrection(ctx context.Context, tariff string, v apiv1.NewTariffVersion) (apiv1.TariffCorrectionPlan, error) {
	return ask[apiv1.TariffCorrectionPlan](ctx, c, post("/v1/tariffs/"+url.PathEscape(tariff)+"/versions/plan", v))
}

// WithdrawTariffVersion withdraws a version of a tariff that has not begun (right: tariff.write): the price from before goes on.
func (c *Client) WithdrawTariffVersion(ctx context.Context, tariff string, w apiv1.TariffWithdrawal) (apiv1.Tariff, error) {
	return ask[apiv1.Tariff](ctx, c, post("/v1/tariffs/"+url.PathEscape(tariff)+"/withdrawals", w))
}

// TariffVersions lists the versions of a tariff, the newest first.
func (c *Client) TariffVersions(ctx context.Context, f apiv1.TariffFilter) (apiv1.List[apiv1.Tariff], error) {
	return list(ctx, c, apiv1.TariffVersions, f)
}

// SimulateTariff says what a draft would change (right: tariff.read; with From also vend.read). Nothing is stored.
func (c *Client) SimulateTariff(ctx context.Context, s apiv1.Simulation) (apiv1.SimulationResult, error) {
	return ask[apiv1.SimulationResult](ctx, c, post("/v1/tariff-simulations", s))
}
