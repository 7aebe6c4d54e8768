package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Customers lists the customers whose name, phone or meter number contains a text; an empty text lists all (right:
// customer.read).
func (c *Client) Customers(ctx context.Context, f apiv1.CustomerFilter) (apiv1.List[apiv1.CustomerEntry], error) {
	return list(ctx, c, apiv1.Customers, f)
}

// Customer returns a customer by id.
func (c *Client) Customer(ctx context.Context, id string) (apiv1.Customer, error) {
	return ask[apiv1.Customer](ctx, c, get("/v1/customers/"+url.PathEscape(id), nil))
}

// AddCustomer registers a customer without a meter (right: customer.write). Repeating it adds another one.
func (c *Client) AddCustomer(ctx context.Context, n apiv1.NewCustomer) (apiv1.Customer, error) {
	return ask[apiv1.Customer](ctx, c, post("/v1/customers", n))
}

// ChangeCustomer changes a customer's data (right: customer.write).
func (c *Client) ChangeCustomer(ctx context.Context, id string, change apiv1.CustomerChange) (apiv1.Customer, error) {
	return ask[apiv1.Customer](ctx, c, post("/v1/customers/"+url.PathEscape(id), change))
}

// ConfirmPhone confirms a customer's changed telephone number, so that tokens go there at once (right: customer.write).
func (c *Client) ConfirmPhone(ctx context.Context, id, reason string) (apiv1.Customer, error) {
	return ask[apiv1.Customer](ctx, c, post("/v1/customers/"+url.PathEscape(id)+"/confirm-phone", apiv1.NumberReason{Reason: reason}))
}
