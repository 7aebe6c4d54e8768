package client

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
)

// PlanTariffChange says what ChangeTariff would do, and changes nothing (right: meter.write).
func (c *Client) PlanTariffChange(ctx context.Context, meter string, n apiv1.NewTariffChange) (apiv1.TariffChange, error) {
	return ask[apiv1.TariffChange](ctx, c, post(meterPath(meter, "/tariff/plan"), n))
}

// ChangeTariff prices the account of a meter by another tariff (right: meter.write), or returns *Waiting.
func (c *Client) ChangeTariff(ctx context.Context, meter string, n apiv1.NewTariffChange) (apiv1.TariffChange, error) {
	return ask[apiv1.TariffChange](ctx, c, post(meterPath(meter, "/tariff"), n))
}

// AccountTariffs lists the tariffs that the account of a meter had, has and will have, the newest first (right: meter.read).
func (c *Client) AccountTariffs(ctx context.Context, f apiv1.AccountTariffFilter) (apiv1.List[apiv1.AccountTariff], error) {
	return list(ctx, c, apiv1.AccountTariffs, f)
}
