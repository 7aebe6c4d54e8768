package vending

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/sale"
)

// maxSecond limits the bookings on one wallet that are looked through for that of a recharge.
const maxSecond = 1000

// BalanceAfter returns the balance in the books right after a recharge, with the time of the booking. For a sale that is no completed recharge
// it returns nil. The caller shows it only to somebody who may see the sale.
func (v *Vending) BalanceAfter(ctx context.Context, by access.Actor, s sale.Sale) (*receipt.Balance, error) {
	if !s.Recharge() || s.CompletedAt.IsZero() {
		return nil, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (*receipt.Balance, error) {
		left, booked, err := tx.Sold().WalletBooked(s.Account, s.CompletedAt, s.CompletedAt.Add(time.Second), maxSecond)
		for _, b := range booked {
			left += b.Amount
			if b.Recharge() && b.Ref == s.ID.Text(id.Vend) {
				return &receipt.Balance{Amount: left, At: b.At}, err
			}
		}
		return nil, err
	})
	return out, fault.Wrap(err, "balance after recharge %s", s.ID.Text(id.Vend))
}
