package client

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Usage lists a wallet meter's use, newest first (right: meter.read).
func (c *Client) Usage(ctx context.Context, f apiv1.UsageFilter) (apiv1.List[apiv1.Usage], error) {
	return list(ctx, c, apiv1.MeterUsage, f)
}

// WalletStatement lists the entries on an account's wallet between two local days, from the opening balance to the closing
// one (right: customer.read). If both days are empty, it lists this month so far.
func (c *Client) WalletStatement(ctx context.Context, f apiv1.WalletFilter) (apiv1.List[apiv1.WalletLine], error) {
	return list(ctx, c, apiv1.WalletStatement, f)
}

// Registers lists wallet meters whose energy is not fully charged, or whose charging has stopped (right: meter.read).
func (c *Client) Registers(ctx context.Context, p apiv1.Page) (apiv1.List[apiv1.Register], error) {
	return list(ctx, c, apiv1.Registers, p)
}
