package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// GiveTokens makes tokens that nobody buys (rights: token.free, token.issue), or returns *Waiting. It is safe to repeat with the same key.
// An empty key means a random one.
func (c *Client) GiveTokens(ctx context.Context, meter string, n apiv1.NewTokens, key string) (apiv1.Tokens, error) {
	return keyedAsk[apiv1.Tokens](ctx, c, post(meterPath(meter, "/tokens"), n), key)
}

// PlanKeyChange plans a key change of a meter (right: token.issue). Nothing is sold to the meter until its tokens are made.
func (c *Client) PlanKeyChange(ctx context.Context, meter string, n apiv1.NewKeyChange) (apiv1.KeyChange, error) {
	return ask[apiv1.KeyChange](ctx, c, post(meterPath(meter, "/key-changes"), n))
}

// ConfirmKeyChange records that a meter holds its next key (right: token.issue).
func (c *Client) ConfirmKeyChange(ctx context.Context, meter, reason string) (apiv1.KeyChange, error) {
	return ask[apiv1.KeyChange](ctx, c, post(meterPath(meter, "/key-changes/confirm"), apiv1.KeyChangeReason{Reason: reason}))
}

// Recharge sends a token to its meter (right: token.send). Repeating it is harmless: a token loads once.
func (c *Client) Recharge(ctx context.Context, meter string, n apiv1.NewRecharge) (apiv1.Recharge, error) {
	return ask[apiv1.Recharge](ctx, c, post(meterPath(meter, "/recharges"), n))
}

// RechargeState says how far a token has come.
func (c *Client) RechargeState(ctx context.Context, meter, token string) (apiv1.Recharge, error) {
	return ask[apiv1.Recharge](ctx, c, get(meterPath(meter, "/recharges/"+url.PathEscape(token)), nil))
}

// DiagnoseToken asks what is wrong with the digits that somebody typed (right: vend.read). The parameter number is the number or id of that
// person's meter; it may be empty. If the digits were not sold here, the server tries to decrypt them with the keys of this meter.
// Questions about such digits are rate-limited: a [*Problem] with code rate-limited says when to ask again.
func (c *Client) DiagnoseToken(ctx context.Context, digits, number string) (apiv1.Diagnosis, error) {
	return ask[apiv1.Diagnosis](ctx, c, post("/v1/token-diagnoses", apiv1.NewDiagnosis{Digits: digits, Number: number}))
}

// CancelKeyChange takes back a planned key change of a meter, whose tokens are not made yet (right: token.issue).
func (c *Client) CancelKeyChange(ctx context.Context, meter, reason string) (apiv1.KeyChange, error) {
	return ask[apiv1.KeyChange](ctx, c, post(meterPath(meter, "/key-changes/cancel"), apiv1.KeyChangeReason{Reason: reason}))
}
