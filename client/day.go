package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// CloseDay closes a local day of the books (right: ledger.adjust). It may be repeated: a closed day is the answer again.
func (c *Client) CloseDay(ctx context.Context, d apiv1.CloseDay) (apiv1.ClosedDay, error) {
	return ask[apiv1.ClosedDay](ctx, c, post("/v1/days", d))
}

// OpenDay returns the first open day, and what is pending at its end (right: ledger.read).
func (c *Client) OpenDay(ctx context.Context) (apiv1.OpenDay, error) {
	return ask[apiv1.OpenDay](ctx, c, get("/v1/days/next", nil))
}

// ClosedDays lists closed days, newest first (right: ledger.read).
func (c *Client) ClosedDays(ctx context.Context, f apiv1.Page) (apiv1.List[apiv1.ClosedDay], error) {
	return list(ctx, c, apiv1.ClosedDays, f)
}

// ClosedDay returns the stored figures of a closed day (right: ledger.read).
func (c *Client) ClosedDay(ctx context.Context, date string) (apiv1.ClosedDay, error) {
	return ask[apiv1.ClosedDay](ctx, c, get("/v1/days/"+url.PathEscape(date), nil))
}

// ClosedDayPaper returns a closed day in a format: csv or pdf (right: ledger.read).
func (c *Client) ClosedDayPaper(ctx context.Context, date, format string) ([]byte, error) {
	a, err := c.do(ctx, get("/v1/days/"+url.PathEscape(date), url.Values{"format": {format}}))
	return a.body, err
}
