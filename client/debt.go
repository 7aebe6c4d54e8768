package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// RaiseDebt raises a debt (right: debt.write). It is safe to repeat with the same key. An empty key means a random one.
func (c *Client) RaiseDebt(ctx context.Context, d apiv1.NewDebt, key string) (apiv1.Debt, error) {
	return keyedAsk[apiv1.Debt](ctx, c, post("/v1/debts", d), key)
}

// Debts lists debts, newest first (right: customer.read).
func (c *Client) Debts(ctx context.Context, f apiv1.OwingFilter) (apiv1.List[apiv1.Debt], error) {
	return list(ctx, c, apiv1.Debts, f)
}

// WriteOffDebt writes off a debt (right: ledger.adjust). It is safe to repeat with the same key. An empty key means a random one.
func (c *Client) WriteOffDebt(ctx context.Context, debt string, w apiv1.WriteOff, key string) (apiv1.Debt, error) {
	return keyedAsk[apiv1.Debt](ctx, c, post("/v1/debts/"+url.PathEscape(debt)+"/write-off", w), key)
}

// Adjust gives a customer money out of goodwill (right: ledger.adjust). It is safe to repeat with the same key. An empty key means a random
// one.
func (c *Client) Adjust(ctx context.Context, a apiv1.NewAdjustment, key string) (apiv1.Adjustment, error) {
	return keyedAsk[apiv1.Adjustment](ctx, c, post("/v1/adjustments", a), key)
}

// Charges lists fixed charges that fell due, newest first (right: customer.read).
func (c *Client) Charges(ctx context.Context, f apiv1.OwingFilter) (apiv1.List[apiv1.Charge], error) {
	return list(ctx, c, apiv1.Charges, f)
}

// AddCharge adds a charge to an account (right: debt.write). It is safe to repeat with the same key. An empty key means a random one.
func (c *Client) AddCharge(ctx context.Context, n apiv1.NewCharge, key string) (apiv1.Charge, error) {
	return keyedAsk[apiv1.Charge](ctx, c, post("/v1/charges", n), key)
}
