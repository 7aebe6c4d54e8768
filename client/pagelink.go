package client

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
)

// PageLink returns the link to the page of the customer whom a meter supplies, without its address (right: customer.read).
func (c *Client) PageLink(ctx context.Context, meter string) (apiv1.PageLink, error) {
	return ask[apiv1.PageLink](ctx, c, get(meterPath(meter, "/page-link"), nil))
}

// MakePageLink makes, sends or shows the link to a customer's page (right: message.send; to see it also customer.write and token.show).
func (c *Client) MakePageLink(ctx context.Context, meter string, n apiv1.NewPageLink) (apiv1.PageLink, error) {
	return ask[apiv1.PageLink](ctx, c, post(meterPath(meter, "/page-link"), n))
}

// RevokePageLink ends all links to a customer's page (right: message.send).
func (c *Client) RevokePageLink(ctx context.Context, meter string) (apiv1.PageLink, error) {
	return ask[apiv1.PageLink](ctx, c, post(meterPath(meter, "/page-link/revoke"), apiv1.PageLinkChange{}))
}
