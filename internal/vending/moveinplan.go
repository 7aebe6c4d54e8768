package vending

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
)

// MoveInPlan is what a move-in does, and what the customer's first purchase at a keypad meter would bring.
type MoveInPlan struct {
	registry.TriedMoveIn
	// First pays all that is due at once, and [tariff.NewPurchase] of energy. It is nil for a wallet meter, whose recharges buy no energy. Its
	// refusal says why the customer could buy nothing yet.
	First *Quoted
}

// PlanMoveIn says what a move-in would do (rights: customer.write and customer.read). It makes every check of [registry.Registry.MoveIn], but needs
// no reason. It moves the customer in, prices the first purchase, and undoes both, so the plan has the figures of the acts themselves.
func (v *Vending) PlanMoveIn(ctx context.Context, by access.Actor, meter string, in registry.MovingIn) (plan MoveInPlan, err error) {
	for _, right := range []access.Right{access.WriteCustomers, access.ReadCustomers} {
		if no := by.Needs(right); no.Refused() {
			plan.Refusal = no
			return plan, nil
		}
	}
	err = v.c.Door.Do(ctx, by.Tenant, func(tx Tx) (undo bool, err error) {
		plan.First = nil
		plan.TriedMoveIn, err = v.c.Registry.TryMoveIn(tx.Registering(), by, meter, in)
		if err != nil || plan.Refused() || plan.Meter.Mode != registry.PrepayToken {
			return true, err
		}
		first, err := v.quoteFirst(ctx, tx, by, plan.Meter.Number)
		plan.First = &first
		return true, err
	})
	return plan, fault.Wrap(err, "plan a move-in at meter %s", refusal.Echo(meter))
}

// quoteFirst prices the first purchase of a new account.
func (v *Vending) quoteFirst(ctx context.Context, tx Tx, by access.Actor, meter string) (Quoted, error) {
	ref, _ := registry.ParseRef(meter)
	point, _, err := tx.VendPoint(ref)
	if err != nil {
		return Quoted{}, err
	}
	zone, no := v.findZone(point.TZ)
	if no.Refused() {
		return Quoted{Refusal: no}, nil
	}
	now := tx.Moment()
	version, found, err := point.Later.InForce(point.Tariff, now, tx.Debts().Charges().TariffVersionAt)
	if err != nil {
		return Quoted{}, err
	}
	if !found {
		return v.priceQuote(ctx, tx, by, point, money.Amount{Currency: point.Currency})
	}
	owed, err := debt.Owe(tx.Debts().Charges(), point, version, now.In(zone))
	if err != nil {
		return Quoted{}, err
	}
	pays, err := version.Body.CostOf(tariff.NewPurchase)
	if err != nil {
		return Quoted{}, err
	}
	for _, c := range owed.Charges {
		if !c.Endless {
			pays += c.Outstanding
		}
	}
	return v.priceQuote(ctx, tx, by, point, money.Amount{Minor: min(pays, money.MaxMinor), Currency: point.Currency})
}
