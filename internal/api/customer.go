package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
)

// customerEntry is a customer with the meters of his accounts.
type customerEntry struct {
	customerBody
	Meters []string `json:"meters" doc:"Numbers of the meters, at most ten"`
}

func (a *API) customerRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "customers", Path: "/v1/customers", Tags: []string{"customers"}, Summary: "List customers",
	}, func(ctx context.Context, by access.Actor, in *struct {
		Find string `query:"find" maxLength:"64" doc:"Only those whose name, phone or meter number holds this"`
		Page
	}) (*listed[customerEntry], error) {
		page, err := a.c.Registry.Customers(ctx, by, in.Find, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
		if err != nil {
			return nil, err
		}
		if page.Refused() {
			return nil, refuse(page.Refusal)
		}
		return listOf(page.Data, page.Next, func(e registry.CustomerEntry) customerEntry {
			return customerEntry{customerOf(e.Customer), append([]string{}, e.Meters...)}
		}), nil
	})
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
