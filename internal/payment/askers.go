package payment

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
)

// Askers lists the names of the providers that are heard and can ask a customer to pay.
func (ps *Payments) Askers(ctx context.Context, t access.Tenant) ([]string, error) {
	all, err := access.Look(ctx, ps.c.Door, t, func(tx Tx) ([]Provider, error) { return tx.Payments().ProviderPage(id.ID{}, maxOfThese) })
	if err != nil {
		return nil, fault.Wrap(err, "list who can ask a customer to pay")
	}
	var out []string
	for _, p := range all {
		if p.Disabled() {
			continue
		}
		if _, err := ps.requester(p); err == nil {
			out = append(out, p.Name)
		}
	}
	return out, nil
}
