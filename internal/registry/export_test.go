package registry

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refuse"
)

// AddCustomer registers a customer.
func (r *Registry) AddCustomer(ctx context.Context, by access.Actor, n NewCustomer) (AddedCustomer, error) {
	if no := by.Needs(access.WriteCustomers); no.Refused() {
		return AddedCustomer{Refusal: no}, nil
	}
	c, no := n.check()
	if no.Refused() {
		return AddedCustomer{Refusal: no}, nil
	}
	if c.Name == "" {
		return AddedCustomer{Refusal: refuse.FieldTextRequired("name", maxName)}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (AddedCustomer, error) {
		i, err := tx.NewID()
		if err != nil {
			return AddedCustomer{}, err
		}
		row := c
		row.ID, row.CreatedAt = i, r.c.Now()
		if err := tx.Customers().AddCustomerRow(row); err != nil {
			return AddedCustomer{}, err
		}
		return AddedCustomer{Customer: row}, tx.AuditLog(by.Entry("customer.add", i.Text(id.Customer)))
	})
	if err != nil {
		return AddedCustomer{}, fmt.Errorf("add customer: %w", err)
	}
	return out, nil
}

// Newest is the newest balance that a meter reported after its newest reading.
func (rec MeterRecord) Newest(reported, texted *ReportedBalance) *ReportedBalance {
	return rec.newest(reported, texted)
}
