package client

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
)

// SwapFacts returns what is known about a meter that is to be replaced, or that was replaced (right: meter.read).
func (c *Client) SwapFacts(ctx context.Context, meter string) (apiv1.SwapFacts, error) {
	return ask[apiv1.SwapFacts](ctx, c, get(meterPath(meter, "/swap"), nil))
}

// PlanSwap says what SwapMeter would do, and changes nothing (right: token.issue).
func (c *Client) PlanSwap(ctx context.Context, meter string, n apiv1.NewSwap) (apiv1.Swap, error) {
	return ask[apiv1.Swap](ctx, c, post(meterPath(meter, "/swap/plan"), n))
}

// SwapMeter replaces a meter (right: token.issue), or returns *Waiting. It is safe to repeat with the same key. An empty key gets a new one.
func (c *Client) SwapMeter(ctx context.Context, meter string, n apiv1.NewSwap, key string) (apiv1.Swap, error) {
	return keyedAsk[apiv1.Swap](ctx, c, post(meterPath(meter, "/swap"), n), key)
}
