package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
)

// customerEntry is a customer with the meters of his accounts.
type customerEntry struct {
	customerBody
	Meters []string `json:"meters" doc:"Numbers of the meters, at most ten"`
}

func (a *API) customerRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "customer", Path: "/v1/customers/{id}", Tags: []string{"customers"}, Summary: "Show a customer",
	}, func(ctx context.Context, by access.Actor, in *CustomerPath) (*struct{ Body customerBody }, error) {
		c, err := a.c.Registry.Customer(ctx, by, in.ID)
		if err != nil {
			return nil, err
		}
		if c.Refused() {
			return nil, refuse(c.Refusal)
		}
		return &struct{ Body customerBody }{customerOf(c.Customer)}, nil
	})
}
