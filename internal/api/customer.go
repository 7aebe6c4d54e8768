package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
)

func (a *API) customerRoutes(r router) {
	listRoute(r, apiv1.Customers, func(ctx context.Context, by access.Actor, in *apiv1.CustomerFilter) (*listed[apiv1.CustomerEntry], error) {
		page, err := a.c.Registry.Customers(ctx, by, in.Find, pageAt(in.Page))
		return pageOf(page.Refusal, err, page.Data, page.Next, func(e registry.CustomerEntry) apiv1.CustomerEntry {
			return apiv1.CustomerEntry{Customer: customerOf(e.Customer), Meters: append([]string{}, e.Meters...)}
		})
	})
	order(r, huma.Operation{
		OperationID: "add-customer", Path: "/v1/customers", DefaultStatus: http.StatusCreated, Tags: []string{"customers"}, Summary: "Register a customer",
		Description: "A customer gets meters later. The server does not know a customer twice by itself: look before whether the customer is there.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, b apiv1.NewCustomer) (*reply[apiv1.Customer], error) {
		c, err := a.c.Registry.AddCustomer(ctx, by, registry.NewCustomer{Name: b.Name, Phone: b.Phone, IDNo: b.IDNo, Lang: b.Lang})
		return replyOf(c.Refusal, err, func() apiv1.Customer { return customerOf(c.Customer) })
	})
	query(r, huma.Operation{
		OperationID: "customer", Path: "/v1/customers/{id}", Tags: []string{"customers"}, Summary: "Show a customer",
	}, func(ctx context.Context, by access.Actor, in *CustomerPath) (*reply[apiv1.Customer], error) {
		c, err := a.c.Registry.Customer(ctx, by, in.ID)
		return replyOf(c.Refusal, err, func() apiv1.Customer { return customerOf(c.Customer) })
	})
}
