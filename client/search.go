package client

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Search finds meters, customers, sales, tokens and people by a few words or digits, the most likely first. It finds what the key may see.
func (c *Client) Search(ctx context.Context, text string) (apiv1.List[apiv1.SearchHit], error) {
	return list(ctx, c, apiv1.Search, apiv1.SearchFilter{Text: text})
}
