package vending

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// SaleView is a sale as an actor may see it.
type SaleView struct {
	refusal.Refusal
	Sale   sale.Sale
	Issued Issued // the digits of Sale.Tokens, in the same order; empty if the actor may not see digits
}

// listTokens is the list that a cursor of Tokens belongs to.
const listTokens = "tokens"

// TokenList is one page of a meter's tokens, newest first.
type TokenList struct {
	refusal.Refusal
	Tokens []sale.Token
	Issued Issued // the digits of Tokens, in the same order; empty if the actor may not see digits
	Next   string // cursor of the next page; empty on the last page
}

// Receipted is a receipt, or the refusal if there is none.
type Receipted struct {
	refusal.Refusal
	Receipt receipt.Receipt
}

// Sale returns a sale by its identity or its receipt number. The audit log records that digits were shown.
func (v *Vending) Sale(ctx context.Context, by access.Actor, sold string) (SaleView, error) {
	return v.show(ctx, by, sold, func(tx Tx) (id.ID, error) { return sale.Named(tx.Sold(), sold) })
}

// SaleAgain does the work of Sale for a reader of whom the audit log says already that they saw the digits.
func (v *Vending) SaleAgain(ctx context.Context, by access.Actor, sold string) (SaleView, error) {
	out, err := v.find(ctx, by, sold)
	if err != nil || out.Refused() || !by.May(access.ShowTokens) || len(out.Sale.Tokens) == 0 {
		return out, err
	}
	digits, err := v.openSale(out.Sale)
	out.Issued = Issued{digits}
	return out, fault.Wrap(err, "show sale %s again", refusal.Echo(sold))
}

// SaleByRef returns the sale of a request whose answer was lost. [refusal.VendNotFound] means that nothing was sold under the reference,
// and the sale may be started again.
func (v *Vending) SaleByRef(ctx context.Context, by access.Actor, clientRef string) (SaleView, error) {
	return v.show(ctx, by, clientRef, func(tx Tx) (id.ID, error) {
		i, _, _, err := tx.Sold().VendRef(by.Vendor, clientRef)
		return i, err
	})
}

func (v *Vending) show(ctx context.Context, by access.Actor, named string, find func(Tx) (id.ID, error)) (SaleView, error) {
	out, err := v.look(ctx, by, named, find)
	if err != nil || out.Refused() {
		return out, err
	}
	out.Issued, err = v.reveal(ctx, by, out.Sale, out.Sale.ID.Text(id.Vend))
	return out, err
}

// find returns a sale by its identity or its receipt number, without its digits.
func (v *Vending) find(ctx context.Context, by access.Actor, sold string) (SaleView, error) {
	return v.look(ctx, by, sold, func(tx Tx) (id.ID, error) { return sale.Named(tx.Sold(), sold) })
}

func (v *Vending) look(ctx context.Context, by access.Actor, named string, find func(Tx) (id.ID, error)) (SaleView, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return SaleView{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (SaleView, error) {
		i, err := find(tx)
		if err != nil {
			return SaleView{}, err
		}
		s, found, err := tx.VendSale(i)
		if err != nil {
			return SaleView{}, err
		}
		// A vendor sees only its own sales. For another vendor's sale the answer is "not found".
		if !found || !by.Sees(s.Vendor) {
			return SaleView{Refusal: refuse.SaleNotFound(refusal.Echo(named))}, nil
		}
		s.Change, err = pendingChange(tx, s.Key)
		return SaleView{Sale: s}, err
	})
	return out, fault.Wrap(err, "show sale %s", refusal.Echo(named))
}

// reveal opens the digits for an actor who may see all digits; see [Vending.disclose].
func (v *Vending) reveal(ctx context.Context, by access.Actor, s sale.Sale, object string) (Issued, error) {
	if !by.May(access.ShowTokens) || len(s.Tokens) == 0 {
		return Issued{}, nil
	}
	return v.disclose(ctx, by, s, object)
}

// Tokens lists the tokens of a meter, newest first: sold, issued free of charge or external, with the meter's answers to them.
func (v *Vending) Tokens(ctx context.Context, by access.Actor, meter string, page registry.Page) (TokenList, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return TokenList{Refusal: no}, nil
	}
	if !by.OfUtility() {
		return TokenList{Refusal: refuse.TokensOfAMeter()}, nil
	}
	ref, no := registry.ParseRef(meter)
	if no.Refused() {
		return TokenList{Refusal: no}, nil
	}
	before, max, no := page.Read(v.c.Sealer, by.Tenant, listTokens)
	if no.Refused() {
		return TokenList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (TokenList, error) {
		point, found, err := tx.VendPoint(ref)
		if err != nil || !found {
			return TokenList{Refusal: registry.NoMeter(meter)}, err
		}
		tokens, err := tx.Sold().MeterTokens(point.Meter.N, before, max+1)
		return TokenList{Tokens: tokens}, err
	})
	if err != nil {
		return TokenList{}, fmt.Errorf("list tokens of meter %s: %w", refusal.Echo(meter), err)
	}
	if out.Refused() {
		return out, nil
	}
	out.Tokens, out.Next = registry.Cut(out.Tokens, max, v.c.Sealer, by.Tenant, listTokens, func(t sale.Token) id.ID { return t.ID })
	out.Issued, err = v.reveal(ctx, by, sale.Sale{Tokens: out.Tokens}, "tokens of meter "+refusal.Echo(meter))
	return out, err
}
