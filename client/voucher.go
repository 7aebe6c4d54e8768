package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// VoucherBatches lists batches of vouchers, newest first (right: payment.read).
func (c *Client) VoucherBatches(ctx context.Context, p apiv1.Page) (apiv1.List[apiv1.VoucherBatch], error) {
	return list(ctx, c, apiv1.VoucherBatches, p)
}

// VoucherBatch returns a batch of vouchers (right: payment.read).
func (c *Client) VoucherBatch(ctx context.Context, batch string) (apiv1.VoucherBatch, error) {
	return ask[apiv1.VoucherBatch](ctx, c, get(batchPath(batch), nil))
}

// MakeVouchers makes a batch of vouchers (right: payment.decide). The key makes it safe to repeat.
func (c *Client) MakeVouchers(ctx context.Context, n apiv1.NewVoucherBatch, key string) (apiv1.VoucherBatch, error) {
	return keyedAsk[apiv1.VoucherBatch](ctx, c, post("/v1/voucher-batches", n), key)
}

// TakeVoucherPins makes the PINs of a batch and returns them, once (right: payment.decide).
func (c *Client) TakeVoucherPins(ctx context.Context, batch string) (apiv1.VoucherPins, error) {
	return ask[apiv1.VoucherPins](ctx, c, post(batchPath(batch)+"/pins", apiv1.TakeVoucherPins{}))
}

// SellVouchers takes the money for vouchers and activates them (right: vend.sell). If the batch requires codes, it returns those of the vouchers. The
// key makes it safe to repeat.
func (c *Client) SellVouchers(ctx context.Context, batch string, r apiv1.VoucherRange, key string) (apiv1.IssuedVouchers, error) {
	return keyedAsk[apiv1.IssuedVouchers](ctx, c, post(batchPath(batch)+"/sell", r), key)
}

// VoucherCodes returns the codes of sold vouchers to the one who saw them before (right: vend.sell).
func (c *Client) VoucherCodes(ctx context.Context, batch string, r apiv1.VoucherRange) (apiv1.VoucherCodes, error) {
	return ask[apiv1.VoucherCodes](ctx, c, post(batchPath(batch)+"/codes", r))
}

// ReissueVoucherCodes gives sold vouchers new codes (right: payment.decide). Under four eyes the second person sees them. The key makes it safe to
// repeat.
func (c *Client) ReissueVoucherCodes(ctx context.Context, batch string, r apiv1.ReissueVoucherCodes, key string) (apiv1.IssuedVouchers, error) {
	return keyedAsk[apiv1.IssuedVouchers](ctx, c, post(batchPath(batch)+"/codes/again", r), key)
}

// EndVouchers ends vouchers that nobody has redeemed (right: payment.decide). The key makes it safe to repeat.
func (c *Client) EndVouchers(ctx context.Context, batch string, e apiv1.EndVouchers, key string) (apiv1.VoucherBatch, error) {
	return keyedAsk[apiv1.VoucherBatch](ctx, c, post(batchPath(batch)+"/end", e), key)
}

// RedeemVoucher redeems a voucher for a meter (right: vend.sell). It is safe to repeat.
func (c *Client) RedeemVoucher(ctx context.Context, r apiv1.RedeemVoucher) (apiv1.VoucherRedemption, error) {
	return ask[apiv1.VoucherRedemption](ctx, c, post("/v1/voucher-redemptions", r))
}

func batchPath(batch string) string { return "/v1/voucher-batches/" + url.PathEscape(batch) }
