package payment

import (
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
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

// UnreadableCall is a call of a provider that could not be read.
type UnreadableCall struct {
	Call     id.ID
	Provider string // its name
	At       time.Time
	Why      string
}

// UnreadableList is a list of calls that could not be read.
type UnreadableList struct {
	refusal.Refusal
	Calls []UnreadableCall
}

// maxUnreadable is how many calls that could not be read one page shows.
const maxUnreadable = 20

// Unreadable lists the newest calls of providers that could not be read, for as long as their alarm counts them (right: payment.read). A payment may
// be in one of them: whoever may decide about payments looks it up in the provider's statement.
func (ps *Payments) Unreadable(ctx context.Context, by access.Actor) (UnreadableList, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return UnreadableList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ps.c.Door, by.Tenant, func(tx Tx) (UnreadableList, error) {
		calls, err := tx.Payments().UnreadableCalls(tx.Moment().Add(-UnreadableFor), maxUnreadable)
		return UnreadableList{Calls: calls}, err
	})
	return out, fault.Wrap(err, "list calls that could not be read")
}
