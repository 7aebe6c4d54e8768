package client

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Flats lists the flats of a building, or of all, those that need somebody first (right: meter.read).
func (c *Client) Flats(ctx context.Context, f apiv1.FlatFilter) (apiv1.List[apiv1.Flat], error) {
	return list(ctx, c, apiv1.Flats, f)
}
