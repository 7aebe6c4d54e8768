package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// AddVendor registers a vendor (right: vendor.manage).
func (c *Client) AddVendor(ctx context.Context, n apiv1.NewVendor) (apiv1.Vendor, error) {
	return ask[apiv1.Vendor](ctx, c, post("/v1/vendors", n))
}

// Vendors lists the vendors (right: vendor.read).
func (c *Client) Vendors(ctx context.Context, p apiv1.Page) (apiv1.List[apiv1.Vendor], error) {
	return list(ctx, c, apiv1.Vendors, p)
}

// Vendor returns a vendor by its id or code (right: vendor.float).
func (c *Client) Vendor(ctx context.Context, vendor string) (apiv1.Vendor, error) {
	return ask[apiv1.Vendor](ctx, c, get("/v1/vendors/"+url.PathEscape(vendor), nil))
}

// SetVendorTerms changes a vendor's terms (right: vendor.manage).
func (c *Client) SetVendorTerms(ctx context.Context, vendor string, t apiv1.VendorTerms) (apiv1.Vendor, error) {
	return ask[apiv1.Vendor](ctx, c, post("/v1/vendors/"+url.PathEscape(vendor)+"/terms", t))
}

// Deposit books a vendor's payment (right: vendor.deposit). It is safe to repeat with the same key. An empty key means a random one.
func (c *Client) Deposit(ctx context.Context, vendor string, d apiv1.NewDeposit, key string) (apiv1.Deposit, error) {
	return keyedAsk[apiv1.Deposit](ctx, c, post("/v1/vendors/"+url.PathEscape(vendor)+"/deposits", d), key)
}

// VendorStatement lists the entries on a vendor's account, newest first (right: vendor.float).
func (c *Client) VendorStatement(ctx context.Context, f apiv1.VendorFilter) (apiv1.List[apiv1.VendorEntry], error) {
	return list(ctx, c, apiv1.VendorStatement, f)
}

// SettlementDays are the local days of a settlement: a month such as 2026-11, or the first and the last day. Without any of them, it is the
// present month.
type SettlementDays struct{ Month, From, To string }

// VendorSettlement returns the CSV file of a vendor's settlement (right: vendor.float).
func (c *Client) VendorSettlement(ctx context.Context, vendor string, d SettlementDays) ([]byte, error) {
	a, err := c.do(ctx, get("/v1/vendors/"+url.PathEscape(vendor)+"/settlement", url.Values{"month": {d.Month}, "from": {d.From}, "to": {d.To}}))
	return a.body, err
}
