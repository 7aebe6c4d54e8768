package api

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/wallet"
)

func (a *API) flatRoutes(r router) {
	listRoute(r, apiv1.Flats, func(ctx context.Context, by access.Actor, in *apiv1.FlatFilter) (*listed[apiv1.Flat], error) {
		b, err := a.c.Flats.Board(ctx, by, in.Feeder, pageAt(in.Page))
		return pageOf(b.Refusal, err, b.Flats, b.Next, flatOf)
	})
}

func flatOf(f flats.Flat) apiv1.Flat {
	out := apiv1.Flat{Meter: f.Meter.Number, Name: f.Name(), Tenant: f.Customer.Name, Feeder: f.Feeder, State: string(f.State), LastSeen: at(f.LastSeen), DaysLeft: daysLeftOf(f.Days)}
	if left, known := f.Left(); known {
		out.AsOf = at(left.AsOf)
		if left.Money != nil {
			out.Left = new(amountOf(*left.Money))
		} else {
			out.LeftWh = whole(left.Energy)
		}
	}
	if !f.Paid.At.IsZero() {
		out.LastPayment = &apiv1.FlatPayment{At: f.Paid.At.UTC(), Amount: amountOf(f.Paid.Amount), ReceiptNo: f.Paid.Receipt}
	}
	return out
}

// daysLeftOf shows an estimate; nil for none.
func daysLeftOf(d wallet.Days) *apiv1.DaysLeft {
	if !d.Estimated {
		return nil
	}
	return &apiv1.DaysLeft{Least: d.Least, Likely: d.Likely, Most: d.Most}
}
