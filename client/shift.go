package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// OpenShift opens a shift of the caller's own (right: till.use). It is safe to repeat with the same key. An empty key means a random one.
func (c *Client) OpenShift(ctx context.Context, n apiv1.NewShift, key string) (apiv1.Shift, error) {
	return keyedAsk[apiv1.Shift](ctx, c, post("/v1/shifts", n), key)
}

// CloseShift closes a shift with the counted cash (right: till.use, and vend.reverse for another person's shift). The shift is an id, the
// name of a till, or "mine".
func (c *Client) CloseShift(ctx context.Context, shift string, n apiv1.ShiftCount, key string) (apiv1.Shift, error) {
	return keyedAsk[apiv1.Shift](ctx, c, post("/v1/shifts/"+url.PathEscape(shift)+"/close", n), key)
}

// PayOutShift books cash from a till to the bank (rights as for CloseShift).
func (c *Client) PayOutShift(ctx context.Context, shift string, n apiv1.ShiftPayout, key string) (apiv1.ShiftReport, error) {
	return keyedAsk[apiv1.ShiftReport](ctx, c, post("/v1/shifts/"+url.PathEscape(shift)+"/payouts", n), key)
}

// Shifts lists shifts, newest first (right: till.read).
func (c *Client) Shifts(ctx context.Context, f apiv1.ShiftFilter) (apiv1.List[apiv1.Shift], error) {
	return list(ctx, c, apiv1.Shifts, f)
}

// ShiftPaper returns the Z report of a shift in a format: pdf, text32, text48, escpos58 or escpos80 (right: till.read).
func (c *Client) ShiftPaper(ctx context.Context, shift, format string) ([]byte, error) {
	a, err := c.do(ctx, get("/v1/shifts/"+url.PathEscape(shift)+"/report", url.Values{"format": {format}}))
	return a.body, err
}

// ShiftReport returns the Z report of a shift, or what it is so far (right: till.read).
func (c *Client) ShiftReport(ctx context.Context, shift string) (apiv1.ShiftReport, error) {
	return ask[apiv1.ShiftReport](ctx, c, get("/v1/shifts/"+url.PathEscape(shift)+"/report", nil))
}
