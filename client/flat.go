package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Flats lists the flats of a building, or of all, those that need somebody first (right: meter.read).
func (c *Client) Flats(ctx context.Context, f apiv1.FlatFilter) (apiv1.List[apiv1.Flat], error) {
	return list(ctx, c, apiv1.Flats, f)
}

// FlatStatements returns the statements of a building's flats, or of all flats if it is empty, for a local month such as 2026-11 as one PDF file
// (right: customer.read).
func (c *Client) FlatStatements(ctx context.Context, building, month string) ([]byte, error) {
	q := url.Values{}
	if building != "" {
		q.Set("feeder", building)
	}
	a, err := c.do(ctx, get("/v1/flats/statements/"+url.PathEscape(month), q))
	return a.body, err
}

// BuildingLoss compares the main meter of a building with its flats on a local day such as 2026-11-24 or in a month such as 2026-11; yesterday if
// it is empty (right: meter.read).
func (c *Client) BuildingLoss(ctx context.Context, building, on string) (apiv1.BuildingLoss, error) {
	q := url.Values{"feeder": {building}}
	if on != "" {
		q.Set("on", on)
	}
	return ask[apiv1.BuildingLoss](ctx, c, get("/v1/flats/loss", q))
}
