package vending

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/unit"
)

// Quoted is the result that a purchase would have at this moment.
type Quoted struct {
	refusal.Refusal
	Meter     sale.MeterRef
	Tender    money.Amount
	Units     unit.Energy // units of all tokens, including free units
	Free      unit.Energy
	Lines     []sale.Line
	Tokens    []unit.Energy // units of each token
	ExpiresAt time.Time     // time until which the price probably applies; another sale or the month's end changes it
}

// Quote makes every check of a sale and prices it. It writes and reserves nothing.
func (v *Vending) Quote(ctx context.Context, by access.Actor, meter string, tender money.Amount) (Quoted, error) {
	if no := by.Needs(access.Quote); no.Refused() {
		return Quoted{Refusal: no}, nil
	}
	ref, no := registry.ParseRef(meter)
	if !no.Refused() {
		no = sale.CheckTender(tender)
	}
	if no.Refused() {
		return Quoted{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (Quoted, error) {
		point, found, err := tx.VendPoint(ref)
		if err != nil {
			return Quoted{}, err
		}
		if !found {
			return Quoted{Refusal: registry.NoMeter(meter)}, nil
		}
		if no := magic(point, tender, tx.Moment()); no.Refused() {
			return Quoted{Refusal: no}, nil
		}
		return v.priceQuote(ctx, tx, by, point, tender)
	})
	return out, fault.Wrap(err, "quote for meter %s", refusal.Echo(meter))
}

// priceQuote prices a purchase in a transaction of the caller.
func (v *Vending) priceQuote(ctx context.Context, tx Tx, by access.Actor, point sale.Point, tender money.Amount) (Quoted, error) {
	now := tx.Moment() // the same time as a sale would use
	times, no, err := v.MayDate(tx)
	if err != nil || no.Refused() {
		return Quoted{Refusal: no}, err
	}
	pr, no, err := v.price(tx, point, tender, now, times)
	if err != nil || no.Refused() {
		return Quoted{Refusal: no}, err
	}
	if c, ok := v.c.Issuer.(Checker); ok && !pr.recharge {
		if no := c.Check(ctx, pr.order()); no.Refused() {
			return Quoted{Refusal: no}, nil
		}
	}
	if _, _, no, err := vendor.Selling(tx.Vendors(), by, tender, pr.version.Body.VATBps); err != nil || no.Refused() {
		return Quoted{Refusal: no}, err
	}
	return Quoted{Meter: point.Meter, Tender: tender, Units: pr.units(), Free: pr.split.Free, Lines: pr.lines(), Tokens: pr.tokens,
		ExpiresAt: now.Add(QuoteLife)}, nil
}
