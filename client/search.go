package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Search finds meters, customers, sales, tokens and people by a few words or digits, the most likely first. It finds what the key may see.
func (c *Client) Search(ctx context.Context, text string) (apiv1.SearchHits, error) {
	return ask[apiv1.SearchHits](ctx, c, get("/v1/search", url.Values{"q": {text}}))
}
