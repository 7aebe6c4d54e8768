package api

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/search"
)

func (a *API) searchRoutes(r router) {
	listRoute(r, apiv1.Search, func(ctx context.Context, by access.Actor, in *apiv1.SearchFilter) (*listed[apiv1.SearchHit], error) {
		found, err := a.c.Search.Find(ctx, by, in.Text)
		return pageOf(found.Refusal, err, found.Hits, "", func(h search.Hit) apiv1.SearchHit {
			return apiv1.SearchHit{Kind: string(h.Kind), ID: h.ID, Title: h.Title, Detail: h.Detail}
		})
	})
}
