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
