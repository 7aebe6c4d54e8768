package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// CreateKey creates an API key for the person behind this client's key (right: key.manage). The answer has the new key, which is shown only
// once.
func (c *Client) CreateKey(ctx context.Context, k apiv1.NewKey) (apiv1.Key, error) {
	return ask[apiv1.Key](ctx, c, post("/v1/keys", k))
}

// Keys lists the API keys, without their secrets (right: key.manage).
func (c *Client) Keys(ctx context.Context, p apiv1.Page) (apiv1.List[apiv1.Key], error) {
	return list(ctx, c, apiv1.Keys, p)
}

// RotateKey replaces an API key of the person behind this client's key (right: key.manage). The old key goes on working for the overlap. The
// answer has the new key, which is shown only once.
func (c *Client) RotateKey(ctx context.Context, key string, r apiv1.KeyRotation) (apiv1.Key, error) {
	return ask[apiv1.Key](ctx, c, post("/v1/keys/"+url.PathEscape(key)+"/rotate", r))
}

// RevokeKey ends an API key at once (right: key.manage).
func (c *Client) RevokeKey(ctx context.Context, key string) (apiv1.RevokedKey, error) {
	return ask[apiv1.RevokedKey](ctx, c, remove("/v1/keys/"+url.PathEscape(key)))
}
