package payment

import (
	"context"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/refusal"
)

// FoundList is the list of meters that a payment may be for.
type FoundList struct {
	refusal.Refusal
	Meters []string // numbers
}

// Suggest lists the meters that the reference of a parked payment may mean, and those of the telephone that paid (right: payment.decide).
// A person must choose: none of them is sure.
func (ps *Payments) Suggest(ctx context.Context, by access.Actor, payment string) (FoundList, error) {
	if no := by.Needs(access.DecidePayments); no.Refused() {
		return FoundList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ps.c.Door, by.Tenant, func(tx Tx) (FoundList, error) {
		p, no, err := named(tx, payment)
		if err != nil || no.Refused() || p.State != Parked {
			return FoundList{Refusal: no}, err
		}
		var s FoundList
		for _, text := range []string{p.Reference, p.Payer} {
			for _, find := range []func(Reference, int) ([]Found, error){tx.Payments().PayableMeters, tx.Payments().CalledMeters} {
				found, err := find(ReadReference(text), maxFound)
				if err != nil {
					return FoundList{}, err
				}
				for _, f := range found {
					if !slices.Contains(s.Meters, f.Meter) {
						s.Meters = append(s.Meters, f.Meter)
					}
				}
			}
		}
		return s, nil
	})
	return out, fault.Wrap(err, "suggest meters for payment %s", refusal.Echo(payment))
}
