package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
)

// SearchQuery is the text to search for.
type SearchQuery struct {
	Text string `query:"q" maxLength:"320" required:"true" example:"amina" doc:"Words of a name or an address; a telephone number with or without the country; a meter number of 11, 13 or 18 digits, or its first digits; the number of a receipt; an id; all 20 digits of a token, also within a pasted message, or its last six if you may see digits"`
}

func (a *API) searchRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "search", Path: "/v1/search", Tags: []string{"search"}, Summary: "Find meters, customers, sales, tokens and people",
		Description: "Needs no right: everybody finds what they may see, at most 20 things. The text is neither stored nor logged.",
	}, func(ctx context.Context, by access.Actor, in *SearchQuery) (*reply[apiv1.SearchHits], error) {
		found, err := a.c.Search.Find(ctx, by, in.Text)
		return replyOf(found.Refusal, err, func() apiv1.SearchHits {
			out := apiv1.SearchHits{Data: make([]apiv1.SearchHit, len(found.Hits))}
			for i, h := range found.Hits {
				out.Data[i] = apiv1.SearchHit{Kind: string(h.Kind), ID: h.ID, Title: h.Title, Detail: h.Detail}
			}
			return out
		})
	})
}
