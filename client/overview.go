package client

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Overview returns what needs somebody now (right: meter.read). Lists that the key may not see are missing.
func (c *Client) Overview(ctx context.Context) (apiv1.Overview, error) {
	return ask[apiv1.Overview](ctx, c, get("/v1/overview", nil))
}
