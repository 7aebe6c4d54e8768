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

// Suggest lists the meters that the reference of a parked payment may mean, also if a digit of it is wrong, and those of the telephone that paid
// (right: payment.decide). The most likely ones come first. A number that was given up just before the payment also suggests the meters of whoever
// gave it up. A telephone number that was changed in the database suggests none.
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
		typed, payer := ReadReference(p.Reference), ReadReference(p.Payer)
		for _, find := range []func() ([]Found, error){
			func() ([]Found, error) { return tx.Payments().PayableMeters(typed, maxFound) },
			func() ([]Found, error) {
				return tx.Payments().PayableMeters(Reference{Numbers: typed.Mended}, maxFound)
			},
			func() ([]Found, error) { return suggestCalled(tx, p, typed) },
			func() ([]Found, error) {
				return tx.Payments().PayableMeters(Reference{Numbers: NearNumbers(p.Reference)}, maxFound)
			},
			func() ([]Found, error) { return suggestCalled(tx, p, payer) },
		} {
			found, err := find()
			if err != nil {
				return FoundList{}, err
			}
			for _, f := range found {
				s.Meters = with(s.Meters, f.Meter)
			}
		}
		return s, nil
	})
	return out, fault.Wrap(err, "suggest meters for payment %s", refusal.Echo(payment))
}

// suggestCalled lists the meters of the customers whom a telephone number means, or meant when a payment was made; none if somebody changed one of their
// numbers in the database, or may have, because too many have it to look at all: the meter that is left may be the one that the change was made for.
func suggestCalled(tx Tx, p Payment, r Reference) ([]Found, error) {
	called, err := tx.Payments().CalledMeters(r, maxFound)
	if slices.ContainsFunc(called, func(f Found) bool { return f.Forged || f.Many }) {
		return nil, err
	}
	return meantAt(p.madeAt(tx.Moment()), called), err
}
